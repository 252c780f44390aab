import { screen, waitFor, within } from '@testing-library/react';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Block, ViewDefinition } from '../src/api/types';
import { FakeServer, problem } from './fake_server';
import { open } from './render';

// What draws on a canvas or measures the page; the browser's tests look at them.
vi.mock('../src/blocks/drawing', () => ({ default: ({ label, kind }: { label: string; kind: string }) => <div role="img" aria-label={`${kind} ${label}`} /> }));
vi.mock('../src/views/lanes_chart', () => ({
  default: ({ lanes, bars }: { lanes: { label: string }[]; bars: { text: string }[] }) => <p>{`${lanes.map((one) => one.label).join('|')} / ${bars.map((one) => one.text).join('|')}`}</p>,
}));

const view = (name: string, more: Partial<ViewDefinition>): ViewDefinition => ({ name: `demo.${name}`, label: name, type: 'list', columns: [], group: null, start: null, end: null, sort: '-created_at', filter: null, ...more });
const block = (name: string, more: Partial<Block>): Block => ({ name, label: '', type: 'markdown', width: 24, entity: null, view: null, form: null, text: null, chart: null, group: null, measure: null, filter: null, ...more });
const noon = '2026-11-22T04:00:00Z';

function server(): FakeServer {
  const fake = new FakeServer();
  fake.model.entities['demo.task']!.views.push(
    view('board', { type: 'board', group: 'state', columns: ['subject', 'due_on'] }),
    view('kinds', { type: 'board', group: 'kind', columns: ['subject'], filter: 'record.people > 1' }),
    view('days', { type: 'calendar', start: 'due_on', columns: ['subject'] }),
    view('times', { type: 'calendar', start: 'remind_at', columns: ['subject'] }),
    view('lanes', { type: 'timeline', start: 'created_at', end: 'remind_at', group: 'state', columns: ['subject'] }),
  );
  return fake;
}
const at = (name: string) => `/records/demo.task?view=demo.${name}`;
const column = async (name: string) => within(await screen.findByRole('region', { name }));

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: new Date(noon) });
  return () => vi.useRealTimers();
});

describe('a board', () => {
  it('has a column for each state, in order, with its colour, count and cards', async () => {
    const fake = server();
    for (const subject of ['甲', '乙']) fake.add('demo.task', { subject });
    fake.add('demo.task', { subject: '丙', state: 'done' });
    open(at('board'), fake);
    await (await column('新建')).findByText('甲');
    expect(screen.getAllByRole('region').map((one) => within(one).getByRole('heading').textContent)).toEqual(['新建', '进行中', '完成', '放弃']);
    expect((await column('新建')).getByText('2')).toBeTruthy();
    expect((await column('新建')).getByText('乙')).toBeTruthy();
    expect((await column('完成')).getByText('丙')).toBeTruthy();
    expect(await (await column('进行中')).findByText('空')).toBeTruthy();
  });

  it('moves a card by the menu through the step that leads there', async () => {
    const fake = server();
    const task = fake.add('demo.task', { subject: '甲' });
    const { user } = open(at('board'), fake);
    await user.click(await screen.findByRole('button', { name: `移动“${task.number}”` }));
    await user.click(await screen.findByText('开始'));
    await (await column('进行中')).findByText('甲');
    expect(fake.callsTo('POST', `/records/demo.task/${task.id}/transitions/begin`)).toHaveLength(1);
    expect(fake.callsTo('POST', `/records/demo.task/${task.id}/transitions/begin`)[0]!.headers.get('If-Match')).toBe('"1"');
  });

  it('asks for the form of a step that has one', async () => {
    const fake = server();
    const task = fake.add('demo.task', { subject: '甲' });
    const { user } = open(at('board'), fake);
    await user.click(await screen.findByRole('button', { name: `移动“${task.number}”` }));
    await user.click(await screen.findByRole('menuitem', { name: '放弃' }));
    const dialog = within(await screen.findByRole('dialog'));
    await user.type(dialog.getByLabelText('备注'), '太贵');
    await user.click(dialog.getByRole('button', { name: '放弃' }));
    await (await column('放弃')).findByText('甲');
    expect(fake.records['demo.task']![0]!.state).toBe('dropped');
  });

  it('says in the menu why a step is not allowed', async () => {
    const fake = server();
    const task = fake.add('demo.task', { subject: '甲' });
    fake.overrides.push((call) =>
      call.path.endsWith('/transitions') && call.method === 'GET'
        ? { status: 200, body: { items: [{ name: 'begin', label: '开始', to: 'active', to_label: '进行中', allowed: false, why: '请先填写人数', form: null, comment_required: false }] } }
        : undefined,
    );
    const { user } = open(at('board'), fake);
    await user.click(await screen.findByRole('button', { name: `移动“${task.number}”` }));
    expect(await screen.findByText('请先填写人数')).toBeTruthy();
    expect(screen.getByRole('menuitem', { name: /开始/ }).getAttribute('aria-disabled')).toBe('true');
  });

  it('by a choice has those without a value last, sets the field, and leaves the view to the server', async () => {
    const fake = server();
    fake.add('demo.task', { subject: '甲', kind: 'call' });
    const none = fake.add('demo.task', { subject: '乙' });
    const { user } = open(at('kinds'), fake);
    await (await column('未填写')).findByText('乙');
    expect(screen.getAllByRole('region').map((one) => within(one).getByRole('heading').textContent)).toEqual(['电话', '拜访', '未填写']);
    for (const call of fake.calls.filter((one) => one.path.startsWith('/records/demo.task') && one.method === 'GET')) expect(call.query.get('view')).toBe('demo.kinds');
    await user.click(screen.getByRole('button', { name: `移动“${none.number}”` }));
    await user.click(await screen.findByRole('menuitem', { name: '拜访' }));
    await (await column('拜访')).findByText('乙');
    expect(fake.callsTo('PATCH', `/records/demo.task/${none.id}`)[0]!.body).toEqual({ kind: 'visit' });
  });

  it('tells of a stale card and shows what is', async () => {
    const fake = server();
    const task = fake.add('demo.task', { subject: '甲', kind: 'call' });
    const { user } = open(at('kinds'), fake);
    await (await column('电话')).findByText('甲');
    task.version = 9;
    await user.click(screen.getByRole('button', { name: `移动“${task.number}”` }));
    await user.click(await screen.findByRole('menuitem', { name: '拜访' }));
    expect(await screen.findByText(/已被他人修改/)).toBeTruthy();
  });

  it('fetches more of a column when asked', async () => {
    const fake = server();
    for (let i = 0; i < 25; i += 1) fake.add('demo.task', { subject: `任务${i}` });
    const { user } = open(at('board'), fake);
    const open1 = await column('新建');
    await open1.findAllByRole('listitem');
    expect(open1.getAllByRole('listitem')).toHaveLength(20);
    await user.click(open1.getByRole('button', { name: '更多' }));
    await waitFor(() => expect(open1.getAllByRole('listitem')).toHaveLength(25));
  });

  it('says why a column could not be loaded', async () => {
    const fake = server();
    fake.overrides.push((call) => (call.path === '/records/demo.task' ? problem(403, 'forbidden', '不能看') : undefined));
    open(at('board'), fake);
    expect((await screen.findAllByText('不能看')).length).toBeGreaterThan(0);
  });
});

describe('the other views', () => {
  it('are chosen beside the list', async () => {
    const fake = server();
    fake.add('demo.task', { subject: '甲' });
    const { user, address } = open('/records/demo.task', fake);
    await user.click(await screen.findByText('board'));
    await waitFor(() => expect(address()).toBe(at('board')));
    await (await column('新建')).findByText('甲');
  });

  it('a calendar has records on their days and asks for those alone', async () => {
    const fake = server();
    const task = fake.add('demo.task', { subject: '甲', due_on: '2026-11-25' });
    open(at('days'), fake);
    const link = await screen.findByRole('link', { name: /甲/ });
    expect(link.getAttribute('href')).toBe(`/records/demo.task/${task.id}`);
    expect(link.closest('td')!.textContent).toContain('25');
    expect(fake.callsTo('GET', '/records/demo.task')[0]!.query.get('filter')).toBe('record.due_on < date("2026-12-14") && record.due_on >= date("2026-10-25")');
  });

  it('a calendar of instants has them on the day and at the hour of the agency', async () => {
    const fake = server();
    fake.add('demo.task', { subject: '甲', remind_at: '2026-11-24T16:30:00Z' });
    open(at('times'), fake);
    const link = await screen.findByRole('link', { name: /甲/ });
    expect(link.textContent).toContain('00:30');
    expect(link.closest('td')!.textContent).toContain('25');
  });

  it('a calendar goes by month and week', async () => {
    const fake = server();
    const { user } = open(at('days'), fake);
    await screen.findByRole('heading', { name: '2026年11月' });
    await user.click(screen.getByRole('button', { name: '下一段' }));
    await screen.findByRole('heading', { name: '2026年12月' });
    await user.click(screen.getByRole('button', { name: '今天' }));
    await user.click(screen.getByText('周'));
    await screen.findByRole('heading', { name: '2026/11/16 – 2026/11/22' });
  });

  it('a timeline has its lanes in the order of the states, and a table', async () => {
    const fake = server();
    fake.add('demo.task', { subject: '甲', state: 'done' });
    fake.add('demo.task', { subject: '乙' });
    const { user } = open(at('lanes'), fake);
    expect(await screen.findByText('新建|完成 / 乙|甲')).toBeTruthy();
    await user.click(screen.getByText('表格'));
    expect(await screen.findByRole('columnheader', { name: '提醒时间' })).toBeTruthy();
    expect(screen.getByText('乙')).toBeTruthy();
  });
});

describe('a page', () => {
  function withPage(blocks: Block[]): FakeServer {
    const fake = server();
    fake.model.pages['demo.today'] = { name: 'demo.today', label: '今日', icon: 'dashboard', menu: true, module: 'demo', blocks };
    fake.model.modules[0]!.pages = ['demo.today'];
    return fake;
  }

  it('stands in the navigation and shows its blocks', async () => {
    const fake = withPage([
      block('text', { label: '说明', text: '# 标题\n**重要** [看板](/records/demo.task) [外部](https://example.com) <script>alert(1)</script> ![图](https://evil.example/x.png) [坏](javascript:alert(1))' }),
      block('all', { type: 'view', entity: 'demo.task', view: 'demo.tasks' }),
      block('states', { type: 'chart', chart: 'bar', entity: 'demo.task', group: 'state', measure: 'count', label: '各阶段' }),
      block('number', { type: 'chart', chart: 'number', entity: 'demo.task', measure: 'count', label: '任务数' }),
    ]);
    for (const subject of ['甲', '乙']) fake.add('demo.task', { subject });
    const { user, container } = open('/records/demo.person', fake);
    await user.click(await screen.findByRole('link', { name: '今日' }));
    expect(await screen.findByRole('heading', { level: 1, name: '今日' })).toBeTruthy();
    expect(await screen.findByText('重要')).toBeTruthy();
    expect(screen.getByRole('heading', { name: '标题' }).tagName).toBe('H3');
    expect(screen.getByRole('link', { name: '看板' }).getAttribute('target')).toBeNull();
    expect(screen.getByRole('link', { name: '外部' }).getAttribute('rel')).toBe('noopener noreferrer');
    expect(screen.getByText('坏').getAttribute('href') ?? '').not.toContain('javascript');
    expect(container.querySelector('.markdown script, .markdown img')).toBeNull();
    expect(screen.getByText(/alert\(1\)/)).toBeTruthy();
    expect(await screen.findByText('甲')).toBeTruthy();
    expect(await screen.findByRole('img', { name: 'bar 各阶段：新建 2' })).toBeTruthy();
    const figure = await screen.findByRole('link', { name: '2' });
    expect(figure.closest('.figure')).toBeTruthy();
    expect(figure.getAttribute('href')).toMatch(/^\/records\/demo\.task/);
  });

  it('has each chart as a table, too', async () => {
    const fake = withPage([block('states', { type: 'chart', chart: 'pie', entity: 'demo.task', group: 'state', measure: 'count', label: '各阶段' })]);
    fake.add('demo.task', { subject: '甲' });
    const { user } = open('/pages/demo.today', fake);
    await screen.findByRole('img');
    await user.click(screen.getByText('表格'));
    expect(await screen.findByRole('columnheader', { name: '状态' })).toBeTruthy();
    expect(screen.getByRole('cell', { name: '新建' })).toBeTruthy();
  });

  it('makes records by a form and says what is wrong', async () => {
    const fake = withPage([block('fresh', { type: 'form', entity: 'demo.person', form: 'demo.person_form', label: '新人员' })]);
    const { user } = open('/pages/demo.today', fake);
    await user.type(await screen.findByLabelText('姓名'), '王芳');
    await user.click(screen.getByRole('button', { name: '保存' }));
    expect(await screen.findByText(/已创建“王芳”/)).toBeTruthy();
    expect(fake.records['demo.person']).toHaveLength(1);
    await waitFor(() => expect((screen.getByLabelText('姓名') as HTMLInputElement).value).toBe(''));
    fake.overrides.push((call) => (call.method === 'POST' ? { status: 422, body: { status: 422, code: 'invalid_record', title: '', detail: '', errors: [{ field: 'name', code: 'x', message: '名字太短' }] } } : undefined));
    await user.type(screen.getByLabelText('姓名'), '王');
    await user.click(screen.getByRole('button', { name: '保存' }));
    expect(await screen.findByText('名字太短')).toBeTruthy();
  });

  it('that is not there says so', async () => {
    open('/pages/demo.nothing', server());
    expect(await screen.findByText(/没有此页面/)).toBeTruthy();
  });
});
