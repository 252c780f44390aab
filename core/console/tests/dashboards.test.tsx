import { screen, waitFor, within } from '@testing-library/react';
import { describe, expect, it, vi } from 'vitest';
import { FakeServer } from './fake_server';
import { open } from './render';

vi.mock('../src/blocks/drawing', () => ({ default: ({ label }: { label: string }) => <div role="img" aria-label={label} /> }));

function withBoards() {
  const server = new FakeServer();
  const parameters = [{ name: 'period', label: '期间', help: null, type: 'period', required: false, default: 'this_month' }];
  const tiles = [
    { name: 'states', report: 'demo.states', label: '各状态', chart: 'bar', width: 12, measures: [], given: {}, parameters },
    { name: 'sum', report: 'demo.sum', label: '总额', chart: 'number', width: 12, measures: ['sum'], given: { period: 'this_year' }, parameters },
  ];
  server.overrides.push((call) => {
    if (call.path === '/dashboards') return { status: 200, body: { items: [{ name: 'demo.board', label: '任务看板', icon: null, tiles }] } };
    if (call.path === '/reports') return { status: 200, body: { items: [{ name: 'demo.states', label: '状态报表', help: null, entity: 'demo.task', entity_label: '任务', chart: 'table', parameters }] } };
    const base = { help: null, entity: 'demo.task', entity_label: '任务', made_at: '2026-11-20T08:30:00Z', parameters, more: false };
    if (call.path === '/reports/demo.states') {
      const row = (name: string, label: string, count: number) => ({ group: { state: name }, label: { state: label }, filter: `record.state == "${name}"`, measures: { count: { value: count }, share: { value: '0.250000', filter: `record.state == "${name}" && record.urgent` } } });
      return { status: 200, body: { ...base, name: 'demo.states', label: '状态报表', chart: 'bar', groups: [{ name: 'state', label: '状态', field: 'state', type: 'text', bucket: null }],
        measures: [{ name: 'count', label: '数量', type: 'int', percent: false }, { name: 'share', label: '紧急占比', type: 'decimal', percent: true }], rows: [row('new', '新建', 3), row('done', '完成', 1)], total: { filter: '', measures: { count: { value: 4 } } } } };
    }
    if (call.path === '/reports/demo.sum') {
      return { status: 200, body: { ...base, name: 'demo.sum', label: '总额', chart: 'number', groups: [], measures: [{ name: 'sum', label: '预算合计', type: 'money', percent: false, problem: '插件已暂停。' }], rows: [], total: { filter: 'record.budget != null', measures: { sum: { value: [{ currency: 'CNY', amount: '1200.500000' }, { currency: 'USD', amount: '10.000000' }] } } } } };
    }
    return undefined;
  });
  return server;
}

describe('dashboards', () => {
  it('show figures that lead to their records, and the same as a table', async () => {
    const server = withBoards();
    const { user, address } = open('/dashboards', server);
    expect(await screen.findByRole('heading', { level: 1, name: '任务看板' })).toBeTruthy();
    expect(await screen.findByRole('img', { name: '各状态：新建 3, 完成 1' })).toBeTruthy();
    const sum = await screen.findByRole('link', { name: '¥1,200.50 + $10.00' });
    expect(sum.getAttribute('href')).toBe(`/records/demo.task?cel=${encodeURIComponent('record.budget != null')}`);
    expect(screen.getByText('预算合计：插件已暂停。')).toBeTruthy();
    const tile = screen.getByRole('heading', { level: 2, name: '各状态' }).closest('section')!;
    expect(within(tile).queryByRole('link', { name: '3' })).toBeNull();
    await user.click(within(tile).getByText('表格'));
    expect(within(tile).getAllByRole('row').map((row) => row.textContent)).toEqual(['状态数量紧急占比', '新建325%', '完成125%', '合计4—']);
    await user.click(within(tile).getAllByRole('link', { name: '25%' })[0]!);
    await waitFor(() => expect(server.callsTo('GET', '/records/demo.task').at(-1)?.query.get('filter')).toBe('record.state == "new" && record.urgent'));
    expect(await screen.findByText('来自报表的记录')).toBeTruthy();
    await user.click(screen.getByRole('button', { name: '清除条件' }));
    await waitFor(() => expect(address()).toBe('/records/demo.task'));
  });

  it('ask with what was chosen for the whole dashboard, but not over what a tile gives', async () => {
    const server = withBoards();
    open('/dashboards?p.period=last_week', server);
    await screen.findByRole('img', { name: /各状态/ });
    expect(server.callsTo('GET', '/reports/demo.states')[0]?.query.get('period')).toBe('last_week');
    expect(server.callsTo('GET', '/reports/demo.sum')[0]?.query.get('period')).toBe('this_year');
  });
});
