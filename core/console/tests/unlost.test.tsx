import { act, fireEvent, screen, waitFor, within } from '@testing-library/react';
import { describe, expect, it, vi } from 'vitest';
import { meantBy, namedIn, whoIsNamed } from '../src/mentions';
import { FakeServer, problem } from './fake_server';
import { open } from './render';

function withTask(values: object = {}) {
  const server = new FakeServer();
  const task = server.add('demo.task', { subject: '云南行', state: 'active', ...values });
  return { server, task, path: `/records/demo.task/${task.id}` };
}
const input = (label: string) => screen.getByLabelText<HTMLInputElement>(label);
/** Connections on which the server tells of changes. */
function listening() {
  const sources: { url: string; listeners: Map<string, (event: { data: string }) => void> }[] = [];
  vi.stubGlobal('EventSource', class {
    static CLOSED = 2;
    readyState = 1;
    own;
    constructor(url: string) {
      sources.push((this.own = { url, listeners: new Map() }));
    }
    addEventListener(name: string, listener: (event: { data: string }) => void) {
      this.own.listeners.set(name, listener);
    }
    close() {}
  });
  return sources;
}

const submitted = (element: HTMLElement) => fireEvent.submit(element.closest('form')!);

describe('what is sent twice', () => {
  it('makes one record', async () => {
    const { user, server } = open('/records/demo.person/new');
    await user.type(await screen.findByLabelText('姓名'), '王芳');
    submitted(input('姓名'));
    submitted(input('姓名'));
    await waitFor(() => expect(server.callsTo('POST', '/records/demo.person')).not.toHaveLength(0));
    await screen.findByRole('heading', { level: 1, name: '王芳' });
    expect(server.callsTo('POST', '/records/demo.person')).toHaveLength(1);
  });

  it('takes one step', async () => {
    const { server, path } = withTask();
    const { user } = open(path, server);
    await user.click(await screen.findByRole('button', { name: '放弃' }));
    const dialog = within(await screen.findByRole('dialog', { name: '放弃' }));
    await user.type(dialog.getByLabelText('备注'), '客人改期');
    submitted(dialog.getByLabelText('备注'));
    submitted(dialog.getByLabelText('备注'));
    expect(await screen.findByText('客人改期')).toBeTruthy();
    expect(server.callsTo('POST', `${path}/transitions/drop`)).toHaveLength(1);
  });
});

describe('what was typed when the session ends', () => {
  const signIn = async (user: ReturnType<typeof open>['user']) => {
    await user.type(await screen.findByLabelText('密码'), 'secret{Enter}');
    await waitFor(() => expect(screen.queryByLabelText('密码')).toBeNull());
  };

  it('stays in the dialog of a step, which is taken after signing in', async () => {
    const { server, path, task } = withTask();
    const { user, address } = open(path, server);
    await user.click(await screen.findByRole('button', { name: '放弃' }));
    const dialog = within(await screen.findByRole('dialog', { name: '放弃' }));
    await user.type(dialog.getByLabelText('备注'), '客人改期');
    server.signedIn = false;
    await user.click(dialog.getByRole('button', { name: '放弃' }));
    await signIn(user);
    expect(address()).toBe(path);
    expect(dialog.getByLabelText<HTMLInputElement>('备注').value).toBe('客人改期');
    await user.click(dialog.getByRole('button', { name: '放弃' }));
    await waitFor(() => expect(task.state).toBe('dropped'));
  });

  it('stays in the comment', async () => {
    const { server, path } = withTask();
    server.overrides.push((call) => (call.path.endsWith('/comments') && server.signedIn ? { status: 201, body: { version: 2, told: [] } } : undefined));
    const { user, address } = open(path, server);
    await user.type(await screen.findByRole('textbox', { name: '写评论' }), '请回电');
    server.signedIn = false;
    await user.click(screen.getByRole('button', { name: '发表' }));
    await signIn(user);
    expect(address()).toBe(path);
    expect((screen.getByRole('textbox', { name: '写评论' }) as HTMLTextAreaElement).value).toBe('请回电');
    await user.click(screen.getByRole('button', { name: '发表' }));
    await waitFor(() => expect((screen.getByRole('textbox', { name: '写评论' }) as HTMLTextAreaElement).value).toBe(''));
  });

  it('stays in the cell that is changed in its list', async () => {
    const { server, task } = withTask({ people: 2 });
    const { user, address } = open('/records/demo.task', server);
    const cells = within((await screen.findByText('云南行')).closest('tr')!);
    await user.hover(cells.getByText('云南行'));
    await user.click(cells.getByRole('button', { name: `修改T-${task.id}的“主题”` }));
    const box = await screen.findByRole('textbox', { name: '主题' });
    await user.type(box, '二');
    server.signedIn = false;
    await user.click(screen.getByRole('button', { name: '保存' }));
    await signIn(user);
    expect(address()).toBe('/records/demo.task');
    expect((screen.getByRole('textbox', { name: '主题' }) as HTMLInputElement).value).toBe('云南行二');
  });
});

describe('what was typed and not sent', () => {
  it("is nobody else's", async () => {
    const { server, path } = withTask();
    const first = open(path, server);
    await first.user.type(await screen.findByRole('textbox', { name: '写评论' }), '请回电');
    first.unmount();
    server.user = { ...server.user, id: '2', name: '小李' };
    const second = open(path, server);
    expect(((await screen.findByRole('textbox', { name: '写评论' })) as HTMLTextAreaElement).value).toBe('');
    second.unmount();
    server.user = { ...server.user, id: '1' };
    open(path, server);
    expect(((await screen.findByRole('textbox', { name: '写评论' })) as HTMLTextAreaElement).value).toBe('请回电');
  });

  it('comes back with what the form begins with, and is asked about when one leaves', async () => {
    const server = new FakeServer();
    const task = server.model.entities['demo.task']!;
    task.fields = task.fields.map((one) => (one.name === 'kind' ? { ...one, default: 'visit' } : one));
    const first = open('/records/demo.task/new', server);
    await first.user.type(await screen.findByLabelText('主题'), '云');
    first.unmount(); // as a crash does it
    const { user, router, address } = open('/records/demo.task/new', server);
    expect(await screen.findByText('已恢复您上次未保存的内容。')).toBeTruthy();
    expect(input('主题').value).toBe('云');
    expect(screen.getByText('拜访')).toBeTruthy();
    await act(() => router.navigate('/records/demo.person'));
    await user.click(await screen.findByRole('button', { name: '继续编辑' }));
    expect(address()).toBe('/records/demo.task/new');
    await act(() => router.navigate('/records/demo.person'));
    await user.click(await screen.findByRole('button', { name: '放弃修改' }));
    await screen.findByRole('heading', { level: 1, name: '人员' });
    await act(() => router.navigate('/records/demo.task/new'));
    expect((await screen.findByLabelText<HTMLInputElement>('主题')).value).toBe('');
  });

  it('is asked about when its dialog is closed', async () => {
    const { server, path } = withTask();
    const { user } = open(path, server);
    await user.click(await screen.findByRole('button', { name: '放弃' }));
    const dialog = within(await screen.findByRole('dialog', { name: '放弃' }));
    await user.type(dialog.getByLabelText('备注'), '客人改期');
    await user.click(dialog.getByRole('button', { name: '取消' }));
    await user.click(await screen.findByRole('button', { name: '继续编辑' }));
    expect(dialog.getByLabelText<HTMLInputElement>('备注').value).toBe('客人改期');
    await user.click(dialog.getByRole('button', { name: '取消' }));
    await user.click(await screen.findByRole('button', { name: '放弃修改' }));
    await waitFor(() => expect(screen.queryByRole('dialog', { name: '放弃' })).toBeNull());
  });

  it('stays on the screen where the server is away while it says that the session has ended', async () => {
    const sources = listening();
    const server = new FakeServer();
    const { user } = open('/records/demo.task/new', server);
    await user.type(await screen.findByLabelText('主题'), '云');
    let asked = 0;
    server.overrides.push((call) => (call.path === '/me' ? ((asked += 1), problem(500, 'internal', 'x')) : undefined));
    await waitFor(() => expect(sources.length).toBeGreaterThan(0));
    const before = sources.length;
    act(() => sources.at(-1)!.listeners.get('bye')!({ data: '{}' }));
    await waitFor(() => expect(asked).toBeGreaterThan(0));
    // And it listens again.
    await waitFor(() => expect(sources.length).toBeGreaterThan(before), { timeout: 5000 });
    expect(input('主题').value).toBe('云');
  });
});

describe('a name after @ that was typed, not chosen', () => {
  it('is found to its first mark, and in no address of mail', () => {
    const said = (text: string, known: string[] = []) => namedIn(text, known).map((one) => one.said);
    expect(said('@王芳 请看，@li.na: 也看。写信到 a@b.com')).toEqual(['王芳', 'li.na']);
    expect(said('请@王芳，谢谢')).toEqual(['王芳']);
    expect(said('@Anna Schmidt please', ['Anna Schmidt'])).toEqual([]);
    expect(namedIn('@Anna Schmidt please', [])[0]!.names).toEqual(['Anna Schmidt please', 'Anna Schmidt', 'Anna']);
    expect(meantBy(namedIn('@Wang"', []))).toBe('record.active == true && (record.name in ["Wang"] || record.username in ["wang"])');
  });

  it('is whoever alone has it, the longest name first', () => {
    const people = [{ id: '7', name: '王芳', username: 'wang' }, { id: '8', name: '王芳', username: 'fang' }, { id: '9', name: 'Anna Schmidt', username: 'anna' }];
    expect(whoIsNamed(namedIn('@王芳 @WANG @Anna Schmidt see @nobody', []), people)).toEqual({ ids: ['7', '9'], doubtful: ['王芳', 'nobody'] });
  });

  it('tells that colleague, or says that it tells nobody', async () => {
    const { server, path } = withTask();
    server.model.entities['core.user'] = { ...structuredClone(server.model.entities['demo.person']!), name: 'core.user', module: 'core', menu: false };
    server.overrides.push((call) => (call.path === '/records/core.user' ? { status: 200, body: { items: [{ id: '7', version: 1, name: '王芳', username: 'wang', active: true }], next: null } } : undefined));
    server.overrides.push((call) => (call.path.endsWith('/comments') ? { status: 201, body: { version: 2, told: ['7'] } } : undefined));
    const { user } = open(path, server);
    const box = await screen.findByRole('textbox', { name: '写评论' });
    await user.type(box, '@王芳芳 请看');
    await user.click(screen.getByRole('button', { name: '发表' }));
    expect(await screen.findByText(/^@王芳芳：没有姓名完全相同的同事/)).toBeTruthy();
    expect(server.callsTo('POST', `${path}/comments`)).toHaveLength(0);
    await user.clear(box);
    await user.type(box, '@王芳 请看');
    await user.click(screen.getByRole('button', { name: '发表' }));
    await waitFor(() => expect(server.callsTo('POST', `${path}/comments`)[0]?.body).toEqual({ text: '@王芳 请看', mentions: ['7'] }));
    await waitFor(() => expect((box as HTMLTextAreaElement).value).toBe(''));
    await user.type(box, '@somebody 请看');
    await user.click(screen.getByRole('button', { name: '发表' }));
    await user.click(await screen.findByRole('button', { name: '仍然发表' }));
    await waitFor(() => expect(server.callsTo('POST', `${path}/comments`)[1]?.body).toEqual({ text: '@somebody 请看' }));
  });
});

describe('what a colleague does', () => {
  it('shows on the record: files, and tasks, which are records of their own', async () => {
    const { server, task, path } = withTask();
    server.model.entities['demo.task']!.states[1]!.tasks = [{ name: 'call', label: '致电', role: null, role_label: null, required: false }] as never;
    const sources = listening();
    let done = false;
    server.overrides.push((call) => {
      if (call.path === `${path}/attachments`) return { status: 200, body: { items: done ? [{ id: '5', name: '护照.pdf', media_type: 'application/pdf', size: 9, sha256: '', field: null, current: true, created_at: '2026-11-20T08:30:00Z', created_by: '1', href: '/f' }] : [] } };
      if (call.path === `${path}/tasks`) return { status: 200, body: { items: done ? [] : [{ id: '8', name: 'call', title: '致电客户', state: 'open', state_label: '待办', required: false, assignee: null, role: null, due_at: null, updated_at: '2026-11-20T08:30:00Z', note: '', may_finish: false }] } };
      return undefined;
    });
    open(path, server);
    await screen.findByText('致电客户');
    await waitFor(() => expect(sources.at(-1)?.url).toContain(encodeURIComponent('core.task')));
    done = true;
    act(() => {
      sources.at(-1)!.listeners.get('record')!({ data: JSON.stringify({ entity: 'core.task', id: '8' }) });
      sources.at(-1)!.listeners.get('record')!({ data: JSON.stringify({ entity: 'demo.task', id: task.id }) });
    });
    expect(await screen.findByText('护照.pdf')).toBeTruthy();
    await waitFor(() => expect(screen.queryByText('致电客户')).toBeNull());
  });
});

describe('elsewhere', () => {
  it('“now” is what the clocks of the agency show', async () => {
    const { user } = open('/records/demo.task/new');
    await user.click(await screen.findByLabelText('提醒时间'));
    await user.click(await screen.findByText('此刻'));
    const shown = await waitFor(() => {
      expect(input('提醒时间').value).not.toBe('');
      return input('提醒时间').value;
    });
    const there = (at: number) => new Intl.DateTimeFormat('sv-SE', { timeZone: 'Asia/Shanghai', dateStyle: 'short', timeStyle: 'short' }).format(at);
    expect([there(Date.now()), there(Date.now() - 60_000)]).toContain(shown);
  });

  it('a reference that the address brought has its title', async () => {
    const server = new FakeServer();
    const person = server.add('demo.person', { name: '王芳' });
    open(`/records/demo.task?where=${encodeURIComponent(JSON.stringify([['person', 'any', person.id]]))}`, server);
    const builder = await screen.findByRole('group', { name: '筛选' });
    expect(await within(builder).findByText('王芳')).toBeTruthy();
    expect(within(builder).queryByText(`#${person.id}`)).toBeNull();
  });
});
