import { screen, waitFor, within } from '@testing-library/react';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Block } from '../src/api/types';
import { fileName } from '../src/api/client';
import { chosen } from '../src/live';
import { demoModel, FakeServer, field, problem, type Call } from './fake_server';
import { open } from './render';

// What measures the page; the browser's tests look at it.
vi.mock('../src/views/lanes_chart', () => ({
  default: ({ bars, move }: { bars: { id: string; text: string; begin: number; end: number; lane: string }[]; move?: { onMove: (bar: unknown, to: unknown) => void } }) => (
    <>
      {bars.map((bar) => (
        <button key={bar.id} onClick={() => move?.onMove(bar, { lane: bar.lane, begin: bar.begin + 86_400_000, end: bar.end + 86_400_000 })}>
          drag {bar.id}
        </button>
      ))}
    </>
  ),
}));

const block = (name: string, more: Partial<Block>): Block => ({ name, label: '', type: 'markdown', width: 24, entity: null, view: null, form: null, text: null, chart: null, group: null, measure: null, filter: null, ...more });

/** People whose duplicates are looked for, and a part that tasks are made of. */
function server(): FakeServer {
  const model = demoModel();
  model.entities['demo.person']!.duplicates = true;
  model.entities['demo.item'] = {
    ...model.entities['demo.person']!, name: 'demo.item', label: '明细', plural: '明细', menu: false, duplicates: false,
    fields: [...model.entities['demo.person']!.fields, field('task', '任务', 'ref', { to: 'demo.task', required: true })],
    forms: [{ name: 'demo.item_form', label: '', groups: [{ name: 'main', label: '', fields: ['task', 'name'] }] }],
    views: [{ name: 'demo.items', label: '', columns: ['task', 'name'], type: 'list', group: null, start: null, end: null, sort: 'id', filter: null }],
  };
  return new FakeServer(model);
}
const on = (fake: FakeServer, method: string, path: string | RegExp, answer: (call: Call) => { status: number; body?: unknown; headers?: Record<string, string> }) =>
  fake.overrides.push((call) => (call.method === method && (typeof path === 'string' ? call.path === path : path.test(call.path)) ? answer(call) : undefined));
const dialog = async () => within(await screen.findByRole('dialog'));

describe('a list as a file', () => {
  beforeEach(() => {
    // jsdom goes nowhere.
    vi.spyOn(HTMLAnchorElement.prototype, 'click').mockImplementation(() => undefined);
    Object.assign(URL, { createObjectURL: vi.fn(() => 'blob:1'), revokeObjectURL: vi.fn() });
  });
  const path = '/export/demo.task';
  // The first page of all: everything that it is made of is loaded for it.
  const exportButton = () => screen.findByRole('button', { name: '导出' }, { timeout: 45_000 });

  it('holds what the list shows, in the chosen format', async () => {
    const fake = server();
    fake.add('demo.task', { subject: '甲' });
    on(fake, 'GET', path, () => ({ status: 200, body: [], headers: { 'Caravan-Rows': '7', 'Content-Disposition': 'attachment; filename="x.csv"' } }));
    const { user } = open('/records/demo.task?state=new&sort=subject', fake);
    await user.click(await exportButton());
    const box = await dialog();
    await user.click(box.getByRole('radio', { name: 'CSV' }));
    await user.click(box.getByRole('button', { name: '导出' }));
    expect(await screen.findByText('已导出 7 条记录。')).toBeTruthy();
    const query = fake.callsTo('GET', path)[0]!.query;
    expect(Object.fromEntries(query)).toEqual({ filter: 'record.state == "new"', sort: 'subject', format: 'csv', labels: '1', locale: 'zh-CN', fields: 'number,subject,person,kind,state,due_on,people,budget,created_at' });
    expect(URL.createObjectURL).toHaveBeenCalled();
  });

  it('says why it could not be made, and stays', async () => {
    const fake = server();
    on(fake, 'GET', path, () => problem(503, 'unavailable', '已有三个导出。', { 'Retry-After': '5' }));
    const { user } = open('/records/demo.task', fake);
    await user.click(await exportButton());
    await user.click((await dialog()).getByRole('button', { name: '导出' }));
    expect((await screen.findByRole('alert')).textContent).toContain('已有三个导出。');
  });

  it('has the name that the server gives', () => {
    expect(fileName('attachment; filename="a.csv"')).toBe('a.csv');
    expect(fileName('attachment; filename="a.csv"; filename*=UTF-8\'\'%E5%AE%A2.csv')).toBe('客.csv');
    expect(fileName('attachment; filename="a.csv"; filename*=UTF-8\'\'%E5%A.csv')).toBe('a.csv');
    expect(fileName(null)).toBeUndefined();
  });
});

describe('merging', () => {
  const preview = (mine: string, theirs: string) => ({
    mine: {}, theirs: {},
    fields: [
      { field: 'name', label: '姓名', keep: 'mine', differs: mine !== theirs, settable: true },
      { field: 'owner', label: '负责人', keep: 'mine', differs: false, settable: true },
    ],
    references: [{ entity: 'demo.task', entity_label: '任务', field: 'person', field_label: '联系人', count: 3 }],
  });

  it('asks whose values are kept, shows what moves, and goes to the one that stays', async () => {
    const fake = server();
    const a = fake.add('demo.person', { name: '王芳' });
    const b = fake.add('demo.person', { name: '王方', version: 4 });
    on(fake, 'GET', /\/merge$/, () => ({ status: 200, body: preview('王芳', '王方') }));
    on(fake, 'GET', /\/merges$/, () => ({ status: 200, body: { items: [] } }));
    on(fake, 'POST', /\/merge$/, () => ({ status: 200, body: a }));
    const { user, address } = open('/records/demo.person', fake);
    for (const name of ['王芳', '王方']) await user.click(await screen.findByRole('checkbox', { name: `选择 ${name}` }));
    await user.click(await screen.findByRole('button', { name: '合并' }));
    const box = await dialog();
    await user.click(await box.findByRole('radio', { name: '姓名：王方' }));
    expect(box.getByText('任务：3 条（联系人）')).toBeTruthy();
    await user.type(box.getByRole('textbox'), '同一电话');
    await user.click(box.getByRole('button', { name: '合并' }));
    await waitFor(() => expect(address()).toBe(`/records/demo.person/${a.id}`));
    const call = fake.callsTo('POST', `/records/demo.person/${a.id}/merge`)[0]!;
    expect(call.body).toEqual({ other: b.id, other_version: 4, fields: { name: 'theirs' }, note: '同一电话' });
    expect(call.headers.get('If-Match')).toBe('"1"');
  });

  it('leads from a record that is no more to the one that has it', async () => {
    const fake = server();
    const kept = fake.add('demo.person', { name: '王芳' });
    on(fake, 'GET', '/records/demo.person/9', () => ({ status: 410, body: { status: 410, code: 'merged', detail: '已合并。', merged_into: { entity: 'demo.person', id: kept.id } } }));
    const { address } = open('/records/demo.person/9', fake);
    expect(await screen.findByRole('heading', { name: '王芳' })).toBeTruthy();
    expect(address()).toBe(`/records/demo.person/${kept.id}`);
  });

  it('is taken back on the record that stayed', async () => {
    const fake = server();
    const kept = fake.add('demo.person', { name: '王芳' });
    const one = { id: '5', merged: '9', number: null, title: '王方', at: '2026-11-20T08:30:00Z', by: '1', undo_until: '2099-01-01T00:00:00Z', undone_at: null };
    on(fake, 'GET', /\/merges$/, () => ({ status: 200, body: { items: [one] } }));
    on(fake, 'POST', /\/undo$/, () => ({ status: 200, body: kept }));
    const { user } = open(`/records/demo.person/${kept.id}`, fake);
    await user.click(await screen.findByRole('button', { name: '撤销合并 王方' }));
    await user.click((await dialog()).getByRole('button', { name: '撤销合并' }));
    await waitFor(() => expect(fake.callsTo('POST', `/records/demo.person/${kept.id}/merges/5/undo`)).toHaveLength(1));
  });

  it('begins with the pairs that were found, and takes no for an answer', async () => {
    const fake = server();
    const pair = { first: { id: '1', version: 1, title: '王芳' }, second: { id: '2', version: 1, title: '王方' }, rule: 'same', score: '0.93', dismissed: false, found_at: '2026-11-20T08:30:00Z' };
    on(fake, 'GET', '/records/demo.person/duplicates', () => ({ status: 200, body: { items: [pair], next: null } }));
    on(fake, 'POST', '/records/demo.person/1/duplicates/2', () => ({ status: 204 }));
    const { user } = open('/duplicates', fake);
    expect(await screen.findByText('0.93')).toBeTruthy();
    await user.click(screen.getByRole('button', { name: '不是同一条 王芳' }));
    await waitFor(() => expect(fake.callsTo('POST', '/records/demo.person/1/duplicates/2')[0]?.body).toEqual({ dismissed: true }));
  });
});

describe('the search index', () => {
  it('is shown with its lag and built anew in part', async () => {
    const fake = server();
    on(fake, 'GET', '/admin/search', () => ({ status: 200, body: { waiting: 12, dead: 1, lag_seconds: 3, items: [{ entity: 'demo.task', complete: true, fields: ['subject'] }, { entity: 'demo.person', complete: false, fields: ['name'] }] } }));
    on(fake, 'POST', '/admin/search/rebuild', () => ({ status: 202, body: { entities: ['demo.task'] } }));
    const { user } = open('/admin/search', fake);
    expect(await screen.findByText('建立中')).toBeTruthy();
    expect(screen.getByText('12')).toBeTruthy();
    await user.click(screen.getByRole('checkbox', { name: '任务' }));
    await user.click(screen.getByRole('button', { name: '重建所选 1 项' }));
    await user.click((await dialog()).getByRole('button', { name: '重建' }));
    await waitFor(() => expect(fake.callsTo('POST', '/admin/search/rebuild')[0]?.body).toEqual({ entities: ['demo.task'] }));
  });
});

describe('a record on paper', () => {
  it('has the agency, the fields that hold something and the parts; others where one wants them', async () => {
    const fake = server();
    const task = fake.add('demo.task', { subject: '云南行', budget: '12000.00', budget_currency: 'CNY' });
    fake.add('demo.item', { name: '机票', task: task.id });
    open(`/records/demo.task/${task.id}/print`, fake);
    const sheet = within(await screen.findByRole('article'));
    expect(sheet.getByText('示例公司').querySelector('img')?.getAttribute('src')).toBe('/favicon.svg');
    expect(sheet.getByText('¥12,000.00')).toBeTruthy();
    expect(sheet.queryByText('比例')).toBeNull();
    expect(await sheet.findByText('机票')).toBeTruthy();
  });

  it('stands beside another, and what differs is said', async () => {
    const fake = server();
    const ids = ['云南行', '大理行'].map((subject) => fake.add('demo.task', { subject, people: 4 }).id);
    const { user } = open(`/compare/demo.task?ids=${ids.join(',')}`, fake);
    expect(await screen.findByRole('row', { name: '主题 (不同) 云南行 大理行' })).toBeTruthy();
    expect(screen.getByRole('row', { name: '人数 4 4' })).toBeTruthy();
    await user.click(screen.getByRole('switch', { name: '只看差异' }));
    expect(screen.queryByRole('row', { name: '人数 4 4' })).toBeNull();
  });
});

describe('a part', () => {
  it('is added in place, to the record one looks at', async () => {
    const fake = server();
    const task = fake.add('demo.task', { subject: '云南行' });
    const { user } = open(`/records/demo.task/${task.id}`, fake);
    await user.click(await screen.findByRole('button', { name: '新建明细' }));
    const box = await dialog();
    await user.type(await box.findByLabelText('姓名'), '机票');
    await user.click(box.getByRole('button', { name: '保存' }));
    await waitFor(() => expect(fake.callsTo('POST', '/records/demo.item')[0]?.body).toEqual({ task: task.id, name: '机票' }));
    expect(await screen.findByRole('link', { name: '机票' })).toBeTruthy();
  });
});

describe('a file in a form', () => {
  it('is sent after what else has changed, and can be removed', async () => {
    const fake = server();
    fake.model.entities['demo.task']!.fields.push(field('photo', '照片', 'image', { sortable: false }), field('paper', '文件', 'file', { sortable: false }));
    fake.model.entities['demo.task']!.forms[0]!.groups[0]!.fields.push('photo', 'paper');
    const task = fake.add('demo.task', { subject: '云南行', paper: '77' });
    on(fake, 'GET', /\/attachments$/, () => ({ status: 200, body: { items: [] } }));
    on(fake, 'POST', /\/attachments$/, () => ({ status: 201, body: { id: '8' } }));
    const { user, address, container } = open(`/records/demo.task/${task.id}/edit`, fake);
    const subject = await screen.findByLabelText('主题');
    const input = container.querySelector<HTMLInputElement>('input[type=file][accept]')!;
    await user.upload(input, new File(['x'], '门票.png', { type: 'image/png' }));
    expect(await screen.findByText('门票.png')).toBeTruthy();
    await user.click(screen.getByRole('button', { name: '移除 文件' }));
    await user.type(subject, '二');
    await user.click(screen.getByRole('button', { name: '保存' }));
    await waitFor(() => expect(address()).toBe(`/records/demo.task/${task.id}`));
    expect(fake.callsTo('PATCH', `/records/demo.task/${task.id}`)[0]!.body).toEqual({ subject: '云南行二', paper: null });
    expect(fake.callsTo('POST', `/records/demo.task/${task.id}/attachments`).map((call) => call.query.get('field'))).toEqual(['photo']);
  });
});

describe('blocks of a page', () => {
  function page(fake: FakeServer, blocks: Block[]) {
    fake.model.pages['demo.desk'] = { name: 'demo.desk', label: '工作台', icon: '', menu: true, module: 'demo', blocks };
    return open('/pages/demo.desk', fake);
  }

  it('go through work record by record, with the step and its form at hand', async () => {
    const fake = server();
    const first = fake.add('demo.task', { subject: '甲', created_at: '2026-11-21T08:30:00Z' });
    const second = fake.add('demo.task', { subject: '乙', created_at: '2026-11-20T08:30:00Z' });
    const { transitions, forms } = fake.model.entities['demo.task']!;
    forms.push({ name: 'demo.begin_form', label: '', groups: [{ name: 'main', label: '', fields: ['people'] }] });
    transitions[0]!.form = 'demo.begin_form';
    const { user } = page(fake, [block('work', { type: 'work', entity: 'demo.task', view: 'demo.tasks' })]);
    const now = within(await screen.findByRole('article', { name: String(first.number) }));
    await user.click(now.getByRole('button', { name: '下一条' }));
    expect(await screen.findByRole('article', { name: String(second.number) })).toBeTruthy();
    await user.type(await screen.findByLabelText('人数'), '5');
    await user.click(screen.getByRole('button', { name: '开始' }));
    await waitFor(() => expect(fake.callsTo('POST', `/records/demo.task/${second.id}/transitions/begin`)[0]?.body).toEqual({ input: { people: 5 } }));
  });

  it('take the next from the queue and stay where the work is', async () => {
    const fake = server();
    fake.add('demo.task', { subject: '甲', created_at: '2026-11-21T08:30:00Z' });
    const waiting = { name: 'demo.pool', label: '公共池', entity: 'demo.task', entity_label: '任务', strategy: 'queue', waiting: 1 };
    fake.model.entities['demo.task']!.assignments = [{ name: 'demo.pool', label: '公共池', field: 'owner', strategy: 'queue' }];
    fake.overrides.push((call) => (call.path === '/queues' ? { status: 200, body: { available: true, items: [waiting] } } : undefined));
    fake.overrides.push((call) => (call.path === '/queues/demo.pool/next' ? { status: 200, body: fake.add('demo.task', { subject: '乙', created_at: '2026-11-20T08:30:00Z' }) } : undefined));
    const { user, address } = page(fake, [block('work', { type: 'work', entity: 'demo.task', view: 'demo.tasks' })]);
    await user.click(await screen.findByRole('button', { name: /领取下一条（1 条等待）/ }));
    await waitFor(() => expect(fake.records['demo.task']).toHaveLength(2));
    const taken = fake.records['demo.task']![0]!;
    expect(await screen.findByRole('article', { name: String(taken.number) })).toBeTruthy();
    expect(address()).toBe('/pages/demo.desk');
  });

  it('have a button that asks for a new record', async () => {
    const fake = server();
    const { user } = page(fake, [block('alarm', { type: 'button', entity: 'demo.person', form: 'demo.person_form', label: '上报' })]);
    await user.click(await screen.findByRole('button', { name: '上报' }));
    const box = await dialog();
    await user.type(await box.findByLabelText('姓名'), '王芳');
    await user.click(box.getByRole('button', { name: '保存' }));
    await waitFor(() => expect(fake.callsTo('POST', '/records/demo.person')[0]?.body).toEqual({ name: '王芳' }));
    await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
  });
});

describe('a bar that is moved', () => {
  function lanes() {
    const fake = server();
    fake.model.entities['demo.task']!.views.push({ name: 'demo.plan', label: '排期', type: 'timeline', columns: ['subject'], group: 'person', start: 'due_on', end: null, sort: 'due_on', filter: null });
    const person = fake.add('demo.person', { name: '王芳' });
    const day = new Date().toISOString().slice(0, 8);
    const task = fake.add('demo.task', { subject: '甲', person: person.id, due_on: `${day}10` });
    fake.add('demo.task', { subject: '乙', person: person.id, due_on: `${day}11` });
    return { fake, task, to: `${day}11` };
  }

  it('says what stands against it before anything changes', async () => {
    const { fake, task, to } = lanes();
    on(fake, 'POST', '/records/demo.task/bulk', () => ({ status: 200, body: { items: [{ id: task.id, status: 'refused', version: null, error: { detail: '该时段已占用。', errors: ['due_on', 'person'].map((field) => ({ field, code: 'exclusive', message: '该时段已占用。' })) } }], done: 0, refused: 1, more: false, dry_run: true } }));
    const { user } = open('/records/demo.task?view=demo.plan', fake);
    await user.click(await screen.findByRole('button', { name: `drag ${task.id}` }));
    const box = await dialog();
    expect(await box.findByText('该时段已占用。')).toBeTruthy();
    expect(fake.callsTo('POST', '/records/demo.task/bulk')[0]!.body).toMatchObject({ action: 'update', items: [{ id: task.id, version: 1 }], input: { due_on: to }, dry_run: true });
    expect(box.getByText('同一行同一时段已有：')).toBeTruthy();
    expect(box.getByRole<HTMLButtonElement>('button', { name: '移动' }).disabled).toBe(true);
    expect(fake.callsTo('PATCH', `/records/demo.task/${task.id}`)).toHaveLength(0);
  });

  it('goes where it was dropped once that is agreed', async () => {
    const { fake, task, to } = lanes();
    on(fake, 'POST', '/records/demo.task/bulk', () => ({ status: 200, body: { items: [{ id: task.id, status: 'done', version: null }], done: 1, refused: 0, more: false, dry_run: true } }));
    const { user } = open('/records/demo.task?view=demo.plan', fake);
    await user.click(await screen.findByRole('button', { name: `drag ${task.id}` }));
    const box = await dialog();
    expect(await box.findByText('没有冲突。')).toBeTruthy();
    await user.click(box.getByRole('button', { name: '移动' }));
    await waitFor(() => expect(fake.callsTo('PATCH', `/records/demo.task/${task.id}`)[0]?.body).toEqual({ due_on: to }));
  });
});

describe('what is watched', () => {
  it('is never more than the server takes, the record itself first', () => {
    const lists = Array.from({ length: 30 }, (_, index) => `demo.list${index}`);
    const now = chosen([...lists, 'demo.task/7']);
    expect(now).toHaveLength(20);
    expect(now[0]).toBe('demo.task/7');
  });
});
