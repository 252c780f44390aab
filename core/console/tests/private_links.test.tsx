import { screen, waitFor, within } from '@testing-library/react';
import { describe, expect, it, vi } from 'vitest';
import { linkStanding } from '../src/components/private_links';
import type { components } from '../src/api/schema';
import { FakeServer, problem } from './fake_server';
import { open } from './render';

type Link = components['schemas']['Link'];

const link = (more: Partial<Link> = {}): Link => ({ id: 'a1', page: 'demo.tracking', label: '进度', created_by: '1', created_at: '2026-11-20T08:00:00Z', expires_at: '2099-01-01T00:00:00Z', used_at: null, revoked_at: null, ...more });
const pages = [{ name: 'demo.tracking', type: 'record' as const, label: '进度' }];

function withLinks(links: Link[]) {
  const server = new FakeServer();
  server.model.entities['demo.task']!.links = pages;
  const task = server.add('demo.task', { subject: '云南行' });
  const path = `/records/demo.task/${task.id}/links`;
  server.overrides.push((call) => {
    if (call.path === path && call.method === 'GET') return { status: 200, body: { items: links, pages } };
    if (call.path === path) {
      links.unshift(link({ id: 'b2' }));
      return { status: 201, body: { url: 'https://crm.example/public/links/secret', expires_at: '2099-01-01T00:00:00Z' } };
    }
    if (call.method !== 'DELETE' || !call.path.startsWith(path)) return undefined;
    links.find((one) => call.path.endsWith(one.id))!.revoked_at = '2026-11-21T08:00:00Z';
    return { status: 204 };
  });
  return { server, path, page: `/records/demo.task/${task.id}` };
}

describe('private links', () => {
  it('are valid until they are used, revoked or expired', () => {
    const now = Date.parse('2026-11-21T00:00:00Z');
    expect(linkStanding(link(), now)).toBe('valid');
    expect(linkStanding(link({ expires_at: '2026-11-20T23:59:59Z' }), now)).toBe('expired');
    expect(linkStanding(link({ used_at: '2026-11-20T09:00:00Z' }), now)).toBe('used');
    expect(linkStanding(link({ used_at: '2026-11-20T09:00:00Z', revoked_at: '2026-11-20T09:00:00Z' }), now)).toBe('revoked');
  });

  it('are not offered where there is no page for them', async () => {
    const server = new FakeServer();
    const task = server.add('demo.task', { subject: '云南行' });
    open(`/records/demo.task/${task.id}`, server);
    await screen.findByRole('button', { name: '复制链接' });
    expect(screen.queryByRole('button', { name: '私密链接' })).toBeNull();
  });

  it('are made, shown once, copied and revoked', async () => {
    const { server, path, page } = withLinks([link({ expires_at: '2026-01-01T00:00:00Z' })]);
    const { user } = open(page, server);
    const copied = vi.spyOn(navigator.clipboard, 'writeText').mockResolvedValue();
    await user.click(await screen.findByRole('button', { name: '私密链接' }));
    const box = within(await screen.findByRole('dialog'));
    await box.findByText(/已过期/);
    expect(box.queryByRole('button', { name: '撤销 进度' })).toBeNull();
    await user.click(box.getByRole('button', { name: '新建链接：进度' }));
    expect(((await box.findByLabelText('链接地址')) as HTMLInputElement).value).toBe('https://crm.example/public/links/secret');
    expect(server.callsTo('POST', path)[0]?.body).toEqual({ page: 'demo.tracking' });
    await user.click(box.getByRole('button', { name: '复制' }));
    await waitFor(() => expect(copied).toHaveBeenCalledWith('https://crm.example/public/links/secret'));
    await user.click(await box.findByRole('button', { name: '撤销 进度' }));
    await user.click(await screen.findByRole('button', { name: /^撤\s?销$/ }));
    await waitFor(() => expect(server.callsTo('DELETE', `${path}/b2`)).toHaveLength(1));
    expect(await box.findByText(/已撤销/)).toBeTruthy();
  });

  it('say who may make them where the server refuses', async () => {
    const { server, path, page } = withLinks([]);
    server.overrides.unshift((call) => (call.path === path ? problem(403, 'forbidden', '只有可修改此记录的人员或页面指定的角色可以生成链接。') : undefined));
    const { user } = open(page, server);
    await user.click(await screen.findByRole('button', { name: '私密链接' }));
    expect(await screen.findByText(/只有可修改此记录的人员/)).toBeTruthy();
  });
});
