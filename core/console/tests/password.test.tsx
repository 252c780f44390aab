import { screen, waitFor, within } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { FakeServer, problem } from './fake_server';
import { open } from './render';

describe('passwords', () => {
  it('are changed by oneself, the current one checked', async () => {
    const server = new FakeServer();
    let refused = true;
    server.overrides.push((call) => {
      if (call.path !== '/me/password') return undefined;
      if (!refused) return { status: 204 };
      refused = false;
      return { status: 422, body: { ...(problem(422, 'invalid_record', '').body as object), errors: [{ field: 'current', code: 'wrong', message: '当前密码错误。' }] } };
    });
    const { user } = open('/records/demo.person', server);
    await user.click(await screen.findByRole('button', { name: /^账户/ }));
    await user.click(await screen.findByRole('menuitem', { name: '修改密码' }));
    const box = within(await screen.findByRole('dialog'));
    await user.type(box.getByLabelText('当前密码'), 'first-1');
    await user.type(box.getByLabelText('新密码'), 'second-password');
    await user.type(box.getByLabelText('再次输入新密码'), 'other-password');
    await user.click(box.getByRole('button', { name: '修改密码' }));
    expect(await box.findByText('两次输入不一致')).toBeTruthy();
    expect(server.callsTo('POST', '/me/password')).toHaveLength(0);
    await user.clear(box.getByLabelText('再次输入新密码'));
    await user.type(box.getByLabelText('再次输入新密码'), 'second-password');
    await user.click(box.getByRole('button', { name: '修改密码' }));
    expect(await box.findByText('当前密码错误。')).toBeTruthy();
    await user.click(box.getByRole('button', { name: '修改密码' }));
    await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
    expect(server.callsTo('POST', '/me/password').at(-1)?.body).toEqual({ current: 'first-1', new: 'second-password' });
  });

  it('are given anew by an administrator, and shown once', async () => {
    const server = new FakeServer();
    server.model.entities['core.user'] = { ...structuredClone(server.model.entities['demo.person']!), name: 'core.user', module: 'core' };
    server.overrides.push((call) => (call.path === '/records/core.user' ? { status: 200, body: { items: [{ id: '7', version: 1, username: 'wang.fang', name: '王芳', roles: [], active: true }], next: null } } : undefined));
    server.overrides.push((call) => (call.path === '/admin/roles' ? { status: 200, body: { items: [] } } : undefined));
    server.overrides.push((call) => (call.path === '/admin/users/7/password' ? { status: 200, body: { username: 'wang.fang', password: 'a1b2c3d4' } } : undefined));
    const { user } = open('/admin/people', server);
    await user.click(await screen.findByRole('button', { name: '重置密码 wang.fang' }));
    const box = within(await screen.findByRole('dialog'));
    await user.click(box.getByRole('button', { name: '重置密码' }));
    expect(((await box.findByLabelText('新密码')) as HTMLInputElement).value).toBe('a1b2c3d4');
    expect(box.queryByRole('button', { name: '重置密码' })).toBeNull();
  });
});
