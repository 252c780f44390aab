import { screen, waitFor, within } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { FakeServer, problem } from './fake_server';
import { open } from './render';

const plugin = (name: string, more: object = {}) => ({
  name, version: '1.0.0', label: `插件${name}`, kind: 'library', state: 'enabled', file: `${name}.so`, sdk: '1.0', error: null, hooks: 1, routes: [], hash: 'ab', vendor: '', description: '', signature: 'unsigned', signed_by: null,
  installed: true, requires: [], dependents: [], decided: null, versions: [], health: { calls: 10, errors: 0, refusals: 0, paused: 0, callbacks: [] }, ...more,
});

function withPlugins() {
  const server = new FakeServer();
  const all = [plugin('a', { dependents: ['b'] }), plugin('b', { state: 'disabled', requires: ['c >=1'], health: { calls: 0, errors: 0, refusals: 0, paused: 0, callbacks: [] } }), plugin('c', { state: 'quarantined', error: '三次崩溃' })];
  const refusal: { answer?: ReturnType<typeof problem> } = {};
  server.overrides.push((call) => {
    if (!call.path.startsWith('/admin/plugins')) return undefined;
    if (call.method === 'GET' && call.path === '/admin/plugins') return { status: 200, body: { items: all } };
    if (call.path.endsWith('/purge')) return { status: 200, body: call.method === 'GET' ? { confirm: 'x1', tables: [{ table: 'b_quote', rows: 12 }] } : { tables: [], backup: '/b' } };
    return refusal.answer ?? { status: 200, body: { hash: 'h', changed: true, on: [], off: [], restarting: false, restart_needed: false } };
  });
  return { server, refusal };
}

describe('plugins', () => {
  it('are switched off with what needs them, and on with what they need', async () => {
    const { server } = withPlugins();
    const { user } = open('/admin/plugins', server);
    await user.click(await screen.findByRole('switch', { name: '启用插件a' }));
    const off = await screen.findByRole('dialog');
    expect(within(off).getByText(/同时停用依赖它的插件：b/)).toBeTruthy();
    await user.click(within(off).getByRole('button', { name: '停用' }));
    await waitFor(() => expect(server.callsTo('POST', '/admin/plugins/a/disable')[0]?.body).toEqual({ dependents: true }));
    await user.click(screen.getByRole('switch', { name: '启用插件b' }));
    const on = await screen.findByRole('dialog', { name: /启用“插件b”/ });
    await user.click(within(on).getByRole('checkbox'));
    await user.click(within(on).getByRole('button', { name: '启用' }));
    await waitFor(() => expect(server.callsTo('POST', '/admin/plugins/b/enable')[0]?.body).toEqual({}));
  });

  it('say why not, and leave quarantine', async () => {
    const { server, refusal } = withPlugins();
    refusal.answer = { status: 409, body: { status: 409, code: 'conflict', detail: 'b 需要 c 1.0', errors: [] } };
    const { user } = open('/admin/plugins', server);
    expect(await screen.findByText('三次崩溃')).toBeTruthy();
    await user.click(screen.getByRole('button', { name: '解除隔离' }));
    expect(await screen.findByText('b 需要 c 1.0')).toBeTruthy();
    expect(server.callsTo('DELETE', '/admin/plugins/c/quarantine')).toHaveLength(1);
  });

  it('lose their data only after the name was typed', async () => {
    const { server } = withPlugins();
    const { user } = open('/admin/plugins?plugin=b', server);
    await user.click(await screen.findByRole('button', { name: '彻底清除数据' }));
    const dialog = (await screen.findByText('彻底清除“插件b”的全部数据？')).closest('.ant-modal') as HTMLElement;
    expect(await within(dialog).findByText('b_quote')).toBeTruthy();
    const purge = within(dialog).getByRole('button', { name: '彻底清除数据' }) as HTMLButtonElement;
    expect(purge.disabled).toBe(true);
    await user.type(within(dialog).getByRole('textbox'), 'b');
    await user.click(purge);
    await waitFor(() => expect(server.callsTo('POST', '/admin/plugins/b/purge')[0]?.body).toEqual({ confirm: 'x1' }));
  });
});

describe('the page of workflows', () => {
  it('has states with their numbers, and steps', async () => {
    const server = new FakeServer();
    server.add('demo.task', { subject: '一', state: 'new' });
    server.add('demo.task', { subject: '二', state: 'active' });
    server.add('demo.task', { subject: '三', state: 'active' });
    server.overrides.push((call) => (call.path === '/handbook' ? { status: 200, body: { locale: 'zh-CN', title: '', hash: '', contents: '', in_words: '', sections: [] } } : undefined));
    open('/admin/workflow', server);
    const states = (await screen.findByRole('heading', { level: 2, name: '状态与记录数' })).parentElement!;
    await waitFor(() => expect(within(states).getAllByRole('listitem').map((one) => one.textContent)).toEqual(['新建进行中1', '进行中进行中2', '完成完成0', '放弃取消0']));
    expect(within(states).getByRole('link', { name: '新建' }).getAttribute('href')).toBe('/records/demo.task?state=new');
    expect(screen.getByText('新建 / 进行中 → 放弃')).toBeTruthy();
  });
});
