import { act, screen, waitFor, within } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import type { RecordData } from '../src/api/types';
import { stateSteps } from '../src/components/state_bar';
import { demoModel, FakeServer, problem } from './fake_server';
import { open } from './render';

function withTask(values: Partial<RecordData> = {}) {
  const server = new FakeServer();
  const person = server.add('demo.person', { name: '王芳' });
  const task = server.add('demo.task', { subject: '云南行', person: person.id, people: 4, budget: '12000.00', budget_currency: 'CNY', due_on: '2026-12-20', ...values });
  return { server, task, person, path: `/records/demo.task/${task.id}`, api: `/records/demo.task/${task.id}` };
}

const input = (label: string) => screen.getByLabelText<HTMLInputElement>(label);
const save = () => screen.getByRole('button', { name: '保存' });

describe('the form', () => {
  it('creates with what was filled in', async () => {
    const { user, server, address } = open('/records/demo.task/new');
    await user.type(await screen.findByLabelText('主题'), '  云南行 ');
    await user.type(input('人数'), '4');
    await user.type(input('预算'), '12,000.5');
    await user.click(save());
    await waitFor(() => expect(address()).toMatch(/^\/records\/demo\.task\/\d+$/));
    expect(server.callsTo('POST', '/records/demo.task')[0]?.body).toEqual({ subject: '云南行', people: 4, budget: '12000.50', budget_currency: 'CNY' });
  });

  it('marks mistakes at their fields before anything is sent', async () => {
    const { user, server } = open('/records/demo.task/new');
    await user.type(await screen.findByLabelText('人数'), '0');
    await user.type(input('预算'), '1.234');
    await user.type(input('比例'), '2');
    await user.click(save());
    expect(await screen.findByText('请填写主题')).toBeTruthy();
    expect(await screen.findByText('不能小于 1')).toBeTruthy();
    expect(screen.getByText('最多 2 位小数')).toBeTruthy();
    expect(screen.getByText('不能大于 1')).toBeTruthy();
    expect(server.callsTo('POST', '/records/demo.task')).toHaveLength(0);
  });

  it('shows the mistakes that the server found, at their fields', async () => {
    const { user, server, address } = open('/records/demo.task/new');
    server.overrides.push((call) =>
      call.method === 'POST'
        ? {
            status: 422,
            body: {
              status: 422, code: 'invalid_record', detail: '未通过检查。',
              errors: [{ field: 'people', code: 'min', message: '至少两人。' }, { field: 'budget_currency', code: 'choice', message: '币种不支持。' }, { field: 'reason', code: 'x', message: '缺少原因。' }, { code: 'x', message: '整体不符。' }],
            },
          }
        : undefined,
    );
    await user.type(await screen.findByLabelText('主题'), '云南行');
    await user.click(save());
    expect(await screen.findByText('至少两人。')).toBeTruthy();
    expect(input('人数').getAttribute('aria-invalid')).toBe('true');
    expect(screen.getByText('币种不支持。')).toBeTruthy();
    const alert = within(screen.getByRole('alert', { name: '' }).closest('.form-alert') as HTMLElement);
    expect(alert.getByText('原因：缺少原因。')).toBeTruthy();
    expect(alert.getByText('整体不符。')).toBeTruthy();
    expect(address()).toBe('/records/demo.task/new');
    expect(input('主题').value).toBe('云南行');
  });

  it('sends only what changed, on the version that was edited', async () => {
    const { server, path, api } = withTask();
    const { user, address } = open(`${path}/edit`, server);
    const subject = await screen.findByLabelText<HTMLInputElement>('主题');
    expect(subject.value).toBe('云南行');
    expect(input('预算').value).toBe('12000.00');
    expect(await screen.findByText('王芳')).toBeTruthy();
    await user.clear(subject);
    await user.type(subject, '大理行');
    await user.click(save());
    await waitFor(() => expect(address()).toBe(path));
    const call = server.callsTo('PATCH', api)[0];
    expect(call?.body).toEqual({ subject: '大理行' });
    expect(call?.headers.get('If-Match')).toBe('"1"');
  });

  it('chooses a record by searching for it', async () => {
    const { server, person } = withTask();
    const { user } = open('/records/demo.task/new', server);
    await user.type(await screen.findByLabelText('主题'), '云南行');
    await user.type(screen.getByRole('combobox', { name: '联系人' }), '王');
    await waitFor(() => expect(server.callsTo('GET', '/records/demo.person').map((call) => call.query.get('q'))).toContain('王'));
    await user.click(await screen.findByText('王芳'));
    await user.click(save());
    await waitFor(() => expect(server.callsTo('POST', '/records/demo.task')[0]?.body).toEqual({ subject: '云南行', person: person.id }));
  });

  it('offers only choices in use', async () => {
    const { user } = open('/records/demo.task/new');
    await user.click(await screen.findByRole('combobox', { name: '类型' }));
    expect(await screen.findByText('拜访')).toBeTruthy();
    expect(screen.queryByText('传真')).toBeNull();
  });

  it('asks before unsaved work is left', async () => {
    const { user, router, address } = open('/records/demo.task/new');
    await user.type(await screen.findByLabelText('主题'), '云');
    await act(() => router.navigate('/records/demo.person'));
    await user.click(await screen.findByRole('button', { name: '继续编辑' }));
    expect(address()).toBe('/records/demo.task/new');
    await act(() => router.navigate('/records/demo.person'));
    await user.click(await screen.findByRole('button', { name: '放弃修改' }));
    await waitFor(() => expect(address()).toBe('/records/demo.person'));
  });

  it('lets go what was changed and changed back', async () => {
    const { user, router, address } = open('/records/demo.task/new');
    const subject = await screen.findByLabelText('主题');
    await user.type(subject, '云');
    await user.clear(subject);
    await act(() => router.navigate('/records/demo.person'));
    expect(address()).toBe('/records/demo.person');
  });

  it('is not for those who may not edit', async () => {
    const { server, path } = withTask();
    server.model.entities['demo.task']!.rights.update = false;
    open(`${path}/edit`, server);
    expect(await screen.findByText('没有权限')).toBeTruthy();
  });
});

describe('a conflict', () => {
  const conflict = async () => {
    const { server, path, api, task } = withTask();
    const opened = open(`${path}/edit`, server);
    const { user } = opened;
    const subject = await screen.findByLabelText('主题');
    await user.clear(subject);
    await user.type(subject, '我的主题');
    await user.clear(input('人数'));
    await user.type(input('人数'), '5');
    // Somebody else saves meanwhile.
    Object.assign(task, { subject: '对方主题', people: 9, due_on: '2027-01-02', version: 2 });
    await user.click(save());
    const dialog = within(await screen.findByRole('dialog', { name: '此记录已被他人修改' }));
    return { ...opened, server, path, api, task, dialog };
  };

  it('shows both versions of every field that differs', async () => {
    const { dialog, task } = await conflict();
    const rows = dialog.getAllByRole('row').slice(1).map((row) => [...row.children].map((cell) => cell.textContent));
    expect(rows).toEqual([
      ['主题', '我的主题', '对方主题', '云南行'],
      ['截止日期', '您没有改动，保留对方的值', '2027/01/02', '2026/12/20'],
      ['人数', '5', '9', '4'],
    ]);
    expect(task['subject']).toBe('对方主题');
  });

  it('keeps what is mine on the new version', async () => {
    const { user, dialog, server, api, address, path, task } = await conflict();
    await user.click(dialog.getByRole('radio', { name: '人数：对方的' }));
    await user.click(dialog.getByRole('button', { name: '保存所选内容' }));
    await waitFor(() => expect(address()).toBe(path));
    const call = server.callsTo('PATCH', api).at(-1);
    expect(call?.body).toEqual({ subject: '我的主题' });
    expect(call?.headers.get('If-Match')).toBe('"2"');
    expect(task).toMatchObject({ subject: '我的主题', people: 9, due_on: '2027-01-02' });
  });

  it('loads theirs and goes on from there', async () => {
    const { user, dialog, server, api } = await conflict();
    await user.click(dialog.getByRole('button', { name: '放弃我的，载入对方版本' }));
    await waitFor(() => expect(input('主题').value).toBe('对方主题'));
    expect(input('人数').value).toBe('9');
    await user.clear(input('人数'));
    await user.type(input('人数'), '8');
    await user.click(save());
    await waitFor(() => expect(server.callsTo('PATCH', api)).toHaveLength(2));
    expect(server.callsTo('PATCH', api)[1]?.body).toEqual({ people: 8 });
  });

  it('goes back to the form with everything in it', async () => {
    const { user, dialog } = await conflict();
    await user.click(dialog.getByRole('button', { name: '返回编辑' }));
    expect(input('主题').value).toBe('我的主题');
  });
});

describe('the record page', () => {
  it('shows fields by group, with system fields apart', async () => {
    const { server, path } = withTask({ owner: '1' });
    open(path, server);
    expect(await screen.findByRole('heading', { level: 1, name: /^T-/ })).toBeTruthy();
    expect(screen.getByRole('heading', { level: 2, name: '费用' })).toBeTruthy();
    expect(screen.getByText('¥12,000.00')).toBeTruthy();
    expect(screen.getByRole('link', { name: '王芳' }).getAttribute('href')).toMatch(/^\/records\/demo\.person\/\d+$/);
    expect(screen.getByText('负责人')).toBeTruthy();
    expect(document.title).toMatch(/^T-\d+ · 示例公司$/);
  });

  it('takes a step and shows it in the timeline', async () => {
    const { server, path, api } = withTask();
    const { user } = open(path, server);
    await user.click(await screen.findByRole('button', { name: '开始' }));
    expect(await screen.findByRole('button', { name: '办结' })).toBeTruthy();
    expect(server.callsTo('POST', `${api}/transitions/begin`)[0]?.headers.get('If-Match')).toBe('"1"');
    const timeline = within(screen.getByRole('list', { name: '动态' }));
    expect(await timeline.findByText('执行：开始')).toBeTruthy();
    expect(timeline.getByText('进行中')).toBeTruthy();
  });

  it('names in the timeline what a plugin tells', async () => {
    const { server, path } = withTask();
    const id = path.split('/').pop()!;
    server.log('demo.task', id, 'event:priced', []);
    server.log('demo.task', id, 'event:unknown', []);
    open(path, server);
    expect(await screen.findByText('已计价')).toBeTruthy();
    expect(screen.getByText('event:unknown')).toBeTruthy();
  });

  it('asks for what a step needs', async () => {
    const { server, path, api } = withTask();
    const { user } = open(path, server);
    await user.click(await screen.findByRole('button', { name: '放弃' }));
    const dialog = within(await screen.findByRole('dialog', { name: '放弃' }));
    await user.click(dialog.getByRole('button', { name: '放弃' }));
    expect(await dialog.findByText('请填写备注')).toBeTruthy();
    await user.click(dialog.getByRole('combobox', { name: '原因' }));
    await user.click(await screen.findByText('价格过高'));
    await user.type(dialog.getByLabelText('备注'), '客人改期');
    await user.click(dialog.getByRole('button', { name: '放弃' }));
    await waitFor(() => expect(server.callsTo('POST', `${api}/transitions/drop`)[0]?.body).toEqual({ input: { reason: 'dear' }, comment: '客人改期' }));
    expect(await screen.findByText('客人改期')).toBeTruthy();
  });

  it('tells why a step is not allowed, and does not take it', async () => {
    const { server, path, api } = withTask();
    server.overrides.push((call) =>
      call.path === `${api}/transitions` ? { status: 200, body: { items: [{ name: 'begin', label: '开始', to: 'active', to_label: '', allowed: false, why: '请先填写联系人。', form: null }] } } : undefined,
    );
    const { user } = open(path, server);
    const button = await screen.findByRole('button', { name: '开始' });
    expect(button.getAttribute('aria-disabled')).toBe('true');
    await user.hover(button);
    expect(await screen.findByText('请先填写联系人。')).toBeTruthy();
    await user.click(button);
    expect(server.callsTo('POST', `${api}/transitions/begin`)).toHaveLength(0);
  });

  it('takes the last step back while that is possible', async () => {
    const { server, path, api } = withTask();
    let undone = false;
    server.overrides.push((call) => {
      if (call.path === `${api}/transitions`) return { status: 200, body: { items: [], ...(undone ? {} : { undo: { name: 'begin', label: '开始', until: '2099-01-01T00:00:00Z' } }) } };
      if (call.method !== 'POST' || call.path !== `${api}/undo`) return undefined;
      undone = true;
      return { status: 200, body: {} };
    });
    const { user } = open(path, server);
    await user.click(await screen.findByRole('button', { name: '撤销“开始”' }));
    expect(await screen.findByText('已撤销：开始')).toBeTruthy();
    expect(server.callsTo('POST', `${api}/undo`)[0]?.headers.get('If-Match')).toBe('"1"');
  });

  it('shows what the server refused and leads to the form', async () => {
    const { server, path, api } = withTask();
    server.overrides.push((call) =>
      call.path === `${api}/transitions/begin`
        ? { status: 422, body: { status: 422, code: 'invalid_record', detail: '还不能开始。', errors: [{ field: 'kind', code: 'required', message: '请填写类型。' }] } }
        : undefined,
    );
    const { user, address } = open(path, server);
    await user.click(await screen.findByRole('button', { name: '开始' }));
    expect(await screen.findByText('请填写类型。')).toBeTruthy();
    await user.click(screen.getByRole('button', { name: '去编辑' }));
    await waitFor(() => expect(address()).toBe(`${path}/edit`));
  });

  it('loads the newest version when a step comes too late', async () => {
    const { server, path, task } = withTask();
    const { user } = open(path, server);
    const button = await screen.findByRole('button', { name: '开始' });
    Object.assign(task, { subject: '已改', version: 2 });
    await user.click(button);
    expect(await screen.findByText('已改')).toBeTruthy();
    expect(task.state).toBe('new');
  });

  it('deletes after asking, and says why it cannot', async () => {
    const { server, path, api } = withTask();
    let refuse = true;
    server.overrides.push((call) => (refuse && call.method === 'DELETE' ? problem(409, 'conflict', '还有记录引用它。') : undefined));
    const { user, address } = open(path, server);
    const remove = async () => {
      await user.click(await screen.findByRole('button', { name: '删除' }));
      await user.click(within(await screen.findByRole('dialog')).getByRole('button', { name: '删除' }));
    };
    await remove();
    expect(await screen.findByText('还有记录引用它。')).toBeTruthy();
    refuse = false;
    await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
    await remove();
    await waitFor(() => expect(address()).toBe('/records/demo.task'));
    expect(server.callsTo('DELETE', api).at(-1)?.headers.get('If-Match')).toBe('"1"');
  });

  it('shows no buttons for what the user may not do', async () => {
    const { server, path } = withTask();
    server.model.entities['demo.task']!.rights = { read: true, create: false, update: false, delete: false };
    open(path, server);
    await screen.findByRole('heading', { level: 1, name: /^T-/ });
    expect(screen.queryByRole('link', { name: '编辑' })).toBeNull();
    expect(screen.queryByRole('button', { name: '删除' })).toBeNull();
  });
});

describe('the progress of a workflow', () => {
  const entity = demoModel().entities['demo.task']!;
  const steps = (state: string) => stateSteps(entity, state).map((step) => `${step.label}:${step.status}`);
  it('shows what is behind and before', () => {
    expect(steps('new')).toEqual(['新建:current', '进行中:future', '完成:future']);
    expect(steps('active')).toEqual(['新建:past', '进行中:current', '完成:future']);
    expect(steps('done')).toEqual(['新建:past', '进行中:past', '完成:current']);
    expect(steps('dropped')).toEqual(['新建:future', '进行中:future', '放弃:cancelled']);
  });
});
