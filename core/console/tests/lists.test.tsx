import { act, screen, waitFor, within } from '@testing-library/react';
import { describe, expect, it, vi } from 'vitest';
import { FakeServer, problem, systemFields, field } from './fake_server';
import { open } from './render';

function filled() {
  const server = new FakeServer();
  const call = server.add('demo.task', { subject: '电话单', kind: 'call', people: 2 });
  const visit = server.add('demo.task', { subject: '拜访单', kind: 'visit', people: 5, state: 'active' });
  const second = server.add('demo.task', { subject: '又一单', kind: 'call', people: 3 });
  return { server, call, visit, second };
}
function withViews(server: FakeServer) {
  server.model.entities['core.list_view'] = {
    ...server.model.entities['demo.person']!, name: 'core.list_view', menu: false,
    fields: [...systemFields(), field('user', '用户', 'ref', { to: 'core.user' }), field('about_entity', '类型', 'text'), field('label', '名称', 'text'), field('look', '内容', 'json'), field('shared', '共享', 'bool')],
  };
}
const lastQuery = (server: FakeServer) => Object.fromEntries(server.callsTo('GET', '/records/demo.task').at(-1)?.query ?? []);
const row = async (text: string) => (await screen.findByText(text)).closest('tr')!;

describe('a list', () => {
  it('is filtered by conditions that are put together', async () => {
    const { server } = filled();
    const { user, address } = open('/records/demo.task', server);
    await screen.findByText('电话单');
    await user.click(screen.getByRole('button', { name: '筛选' }));
    const builder = await screen.findByRole('group', { name: '筛选' });
    await user.click(await within(builder).findByRole('button', { name: '添加条件' }));
    await user.type(within(builder).getByRole('textbox', { name: '“主题”的值' }), '拜访{Enter}');
    await waitFor(() => expect(lastQuery(server)['filter']).toBe('record.subject.contains("拜访")'));
    expect(new URLSearchParams(address().split('?')[1]).get('where')).toBe('[["subject","contains","拜访"]]');
    expect(within(builder).getByText('record.subject.contains("拜访")')).toBeTruthy();
    await user.click(within(builder).getByRole('button', { name: '移除“主题”条件' }));
    await waitFor(() => expect(address()).toBe('/records/demo.task'));
  });

  it('shows the columns that were chosen, grouped, with the number in each group', async () => {
    const { server } = filled();
    open('/records/demo.task?columns=subject,people&group=kind', server);
    await screen.findByText('电话单');
    expect(screen.getAllByRole('columnheader').map((one) => one.textContent).filter(Boolean)).toEqual(['主题', '人数']);
    expect(lastQuery(server)).toMatchObject({ sort: 'kind,-created_at' });
    const heads = [...document.querySelectorAll('.group-head')];
    expect(heads.map((one) => one.textContent).sort()).toEqual(['类型 拜访 1', '类型 电话 2'].sort());
  });

  it('sizes its columns by the keyboard and remembers it', async () => {
    const { server } = filled();
    const { user, unmount } = open('/records/demo.task?columns=subject,people', server);
    const edge = await screen.findByRole('separator', { name: '“人数”的列宽' });
    edge.focus();
    await user.keyboard('{ArrowRight}{ArrowRight}');
    const width = Number(edge.getAttribute('aria-valuenow'));
    expect(width).toBeGreaterThan(0);
    unmount();
    open('/records/demo.task?columns=subject,people', server);
    expect((await screen.findByRole('separator', { name: '“人数”的列宽' })).getAttribute('aria-valuenow')).toBe(String(width));
  });

  it('changes one field in place', async () => {
    const { server, call } = filled();
    const { user } = open('/records/demo.task', server);
    const cells = within(await row('电话单'));
    await user.hover(cells.getByText('电话单'));
    await user.click(cells.getByRole('button', { name: `修改T-${call.id}的“人数”` }));
    const editor = await screen.findByRole('dialog', { name: `修改T-${call.id}的“人数”` });
    const input = within(editor).getByRole('textbox', { name: '人数' });
    await user.clear(input);
    await user.type(input, '9{Enter}');
    await waitFor(() => expect(server.callsTo('PATCH', `/records/demo.task/${call.id}`)[0]?.body).toEqual({ people: 9 }));
    await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
  });

  it('does with many what one would do with each, and says what became of each', async () => {
    const { server, call, second } = filled();
    server.overrides.push((made) =>
      made.path === '/records/demo.task/bulk'
        ? { status: 200, body: { items: [{ id: second.id, status: 'done', version: 2 }, { id: call.id, status: 'refused', version: 1, error: { detail: '缺少人数' } }], done: 1, refused: 1, more: false } }
        : undefined,
    );
    const { user } = open('/records/demo.task', server);
    await screen.findByText('电话单');
    await user.click(screen.getByRole('checkbox', { name: `选择 T-${call.id}` }));
    await user.click(screen.getByRole('checkbox', { name: `选择 T-${second.id}` }));
    const bar = await screen.findByRole('region', { name: '批量操作' });
    await within(bar).findByText('已选 2 条');
    await user.click(within(bar).getByRole('button', { name: '执行步骤…' }));
    await user.click(await screen.findByRole('menuitem', { name: '开始' }));
    await user.click(within(await screen.findByRole('dialog')).getByRole('button', { name: '开始' }));
    expect(await screen.findByText('缺少人数')).toBeTruthy();
    expect(screen.getByText('已完成 1 条，未执行 1 条，等待审批 0 条')).toBeTruthy();
    const body = server.callsTo('POST', '/records/demo.task/bulk')[0]?.body as { items: { id: string; version: number }[] };
    expect(body).toMatchObject({ action: 'transition', transition: 'begin' });
    expect(body.items.map((one) => one.id).sort()).toEqual([call.id, second.id].sort());
  });

  it('is saved as a view, for oneself or for everyone', async () => {
    const { server } = filled();
    withViews(server);
    server.add('core.list_view', { label: '拜访', user: '2', about_entity: 'demo.task', shared: true, look: { query: 'f.kind=visit&sort=due_on', widths: { people: 120 } } });
    const { user, address } = open('/records/demo.task?state=new', server);
    await user.click(await screen.findByRole('button', { name: /已存视图/ }));
    await user.click(await screen.findByRole('menuitem', { name: '另存为新视图…' }));
    const dialog = await screen.findByRole('dialog');
    await user.type(within(dialog).getByRole('textbox', { name: '视图名称' }), '新单');
    await user.click(within(dialog).getByRole('checkbox', { name: '所有人可用' }));
    await user.click(within(dialog).getByRole('button', { name: '保存' }));
    await waitFor(() => expect(server.callsTo('POST', '/records/core.list_view')[0]?.body).toEqual({ about_entity: 'demo.task', label: '新单', shared: true, look: { query: 'state=new', widths: {} } }));
    await user.click(await screen.findByRole('button', { name: /新单/ }));
    await user.click(await screen.findByRole('menuitem', { name: '拜访' }));
    await waitFor(() => expect(address()).toMatch(/f\.kind=visit.*sort=due_on/));
    await waitFor(() => expect(screen.getByRole('separator', { name: '“人数”的列宽' }).getAttribute('aria-valuenow')).toBe('120'));
  });

  it('keeps the name of a view that could not be saved, and tells that a view has other widths by now', async () => {
    const { server } = filled();
    withViews(server);
    const kept = server.add('core.list_view', { label: '拜访', user: '1', about_entity: 'demo.task', shared: false, look: { query: 'columns=subject%2Cpeople', widths: {} } });
    server.overrides.push((made) => (made.method === 'POST' && made.path === '/records/core.list_view' ? problem(422, 'invalid', '名称已被使用。') : undefined));
    const { user } = open(`/records/demo.task?columns=subject,people&saved=${kept.id}`, server);
    await user.click(await screen.findByRole('button', { name: '拜访' }));
    await user.click(await screen.findByRole('menuitem', { name: '另存为新视图…' }));
    const dialog = await screen.findByRole('dialog');
    const name = within(dialog).getByRole<HTMLInputElement>('textbox', { name: '视图名称' });
    await user.type(name, '新单{Enter}');
    expect(await screen.findByText('名称已被使用。')).toBeTruthy();
    expect(name.value).toBe('新单');
    await waitFor(() => expect(within(dialog).getByRole<HTMLButtonElement>('button', { name: '保存' }).className).not.toMatch(/loading/));
    await user.click(within(dialog).getByRole('button', { name: '取消' }));
    screen.getByRole('separator', { name: '“人数”的列宽' }).focus();
    await user.keyboard('{ArrowRight}');
    expect(await screen.findByRole('button', { name: '拜访 *' })).toBeTruthy();
  });

  it('says why a change in place was refused', async () => {
    const { server, call } = filled();
    server.overrides.push((made) => (made.method === 'PATCH' ? problem(403, 'forbidden', '您不能修改此记录。') : undefined));
    const { user } = open('/records/demo.task', server);
    const cells = within(await row('电话单'));
    await user.hover(cells.getByText('电话单'));
    await user.click(cells.getByRole('button', { name: `修改T-${call.id}的“主题”` }));
    const editor = await screen.findByRole('dialog');
    await user.type(within(editor).getByRole('textbox', { name: '主题' }), '！{Enter}');
    expect(await within(editor).findByText('您不能修改此记录。')).toBeTruthy();
  });

  it('has the next page before it is turned to', async () => {
    const { server } = filled();
    for (let at = 0; at < 25; at += 1) server.add('demo.task', { subject: `第 ${at} 单`, kind: 'call' });
    const { user } = open('/records/demo.task?size=20', server);
    await row('第 24 单');
    const pages = () => server.callsTo('GET', '/records/demo.task').filter((made) => made.query.get('after')).length;
    expect(pages()).toBe(0);
    const next = screen.getByRole('button', { name: '下一页' });
    await user.hover(next);
    await waitFor(() => expect(pages()).toBe(1));
    await user.click(next);
    await row('第 0 单');
    expect(pages()).toBe(1);
  });

  it('is gone through by the keyboard, row by row and page by page', async () => {
    const { server } = filled();
    for (let at = 0; at < 25; at += 1) server.add('demo.task', { subject: `第 ${at} 单`, kind: 'call' });
    const { user } = open('/records/demo.task?size=20', server);
    const link = async (text: string) => (await row(text)).querySelector<HTMLAnchorElement>('.row-link')!;
    (await link('第 24 单')).focus();
    await user.keyboard('{ArrowDown}{ArrowDown}{ArrowUp}');
    expect(document.activeElement).toBe(await link('第 23 单'));
    (await row('第 24 单')).querySelector<HTMLInputElement>('.choose')!.focus();
    await user.keyboard('{ArrowDown} ');
    expect((await row('第 23 单')).querySelector<HTMLInputElement>('.choose')!.checked).toBe(true);
    (await link('第 23 单')).focus();
    await user.keyboard('{Alt>}{PageDown}{/Alt}');
    const first = await link('第 4 单');
    await waitFor(() => expect(document.activeElement).toBe(first));
    await user.keyboard('{Alt>}{PageUp}{/Alt}');
    await waitFor(async () => expect(document.activeElement).toBe(await link('第 24 单')));
  });

  it('leaves the focus on the button that turns the page', async () => {
    const { server } = filled();
    for (let at = 0; at < 45; at += 1) server.add('demo.task', { subject: `第 ${at} 单`, kind: 'call' });
    const { user } = open('/records/demo.task?size=20', server);
    await row('第 44 单');
    const gates: (() => void)[] = [];
    const fetched = server.fetch;
    vi.stubGlobal('fetch', (async (...call: Parameters<typeof fetch>) => {
      if (String(call[0]).includes('after=')) await new Promise<void>((resolve) => gates.push(resolve));
      return fetched(...call);
    }) satisfies typeof fetch);
    const next = screen.getByRole('button', { name: '下一页' });
    next.focus();
    await user.keyboard('{Enter}');
    // While the page is on its way a further press turns no second one, and the button stays where the focus is.
    await user.keyboard('{Enter}');
    expect(document.activeElement).toBe(next);
    gates.forEach((go) => go());
    await row('第 24 单');
    expect(screen.getByText('第 2 页')).toBeTruthy();
    expect(document.activeElement).toBe(next);
  });

  it('keeps the place of the hand while a filter is put together, and says what it cannot take', async () => {
    const { server } = filled();
    const { user } = open('/records/demo.task?where=%5B%5B%22people%22%2C%22more%22%2C%222%22%5D%5D', server);
    const builder = await screen.findByRole('group', { name: '筛选' });
    const people = within(builder).getByRole('textbox', { name: '“人数”的值' });
    await user.clear(people);
    await user.type(people, 'zwei');
    await waitFor(() => expect(people.getAttribute('aria-invalid')).toBe('true'));
    await user.clear(people);
    await user.type(people, '4');
    await waitFor(() => expect(lastQuery(server)['filter']).toBe('record.people > 4'));
    expect(people.getAttribute('aria-invalid')).toBeNull();
    await user.click(within(builder).getByRole('button', { name: '添加条件' }));
    await waitFor(() => expect(document.activeElement).toBe(within(builder).getAllByRole('combobox', { name: '字段' })[1]));
    await user.click(within(builder).getByRole('button', { name: '移除“人数”条件' }));
    await waitFor(() => expect(document.activeElement).toBe(within(builder).getByRole('button', { name: '添加条件' })));
  });

  it('shows the condition that is left when another is removed, and what the address says when that changes', async () => {
    const { server } = filled();
    const where = (...conditions: string[][]) => `/records/demo.task?where=${encodeURIComponent(JSON.stringify(conditions))}`;
    const { user, router } = open(where(['subject', 'contains', '甲'], ['subject', 'lacks', '乙']), server);
    const builder = await screen.findByRole('group', { name: '筛选' });
    const texts = () => within(builder).getAllByRole<HTMLInputElement>('textbox').map((one) => one.value);
    expect(texts()).toEqual(['甲', '乙']);
    await user.click(within(builder).getAllByRole('button', { name: '移除“主题”条件' })[0]!);
    await waitFor(() => expect(texts()).toEqual(['乙']));
    await act(() => router.navigate(where(['subject', 'contains', '丙'])));
    await waitFor(() => expect(texts()).toEqual(['丙']));
    // Longer than a hand that rests: what stood there before must not come back.
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(texts()).toEqual(['丙']);
    expect(lastQuery(server)['filter']).toBe('record.subject.contains("丙")');
  });
});
