import { screen, waitFor } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import type { components } from '../src/api/schema';
import { demoModel, FakeServer, problem } from './fake_server';
import { open } from './render';

type Task = components['schemas']['TaskList']['items'][number];

const visa: Task = {
  id: '91', version: 1, title: '签证', state: 'open', state_label: '待办', required: true, due_at: '2026-11-20T08:30:00Z', assignee: null,
  role: { name: 'demo.clerk', label: '签证专员' }, note: null, created_at: '2026-11-20T00:30:00Z', updated_at: '2026-11-20T00:30:00Z', may_finish: true,
};
const gift: Task = { ...visa, id: '92', title: '礼品', required: false, due_at: null, assignee: { id: '2', name: '王芳' }, role: null, may_finish: false };

function withTasks(answer: () => { status: number; body?: unknown }) {
  const model = demoModel();
  const entity = model.entities['demo.task']!;
  entity.states[0]!.tasks = [{ name: 'visa', label: '签证', required: true }];
  const server = new FakeServer(model);
  const record = server.add('demo.task', { subject: '云南行' });
  let tasks = [visa, gift];
  server.overrides.push((call) => {
    if (call.path === `/records/demo.task/${record.id}/tasks`) return { status: 200, body: { items: tasks } };
    if (call.path !== '/records/core.task/91/transitions/finish') return undefined;
    const given = answer();
    if (given.status === 200) tasks = [gift, { ...visa, state: 'done', state_label: '已完成', may_finish: false }];
    return given;
  });
  return { server, record };
}

describe('tasks', () => {
  it('stand on the record, and whoever may does them', async () => {
    const { server, record } = withTasks(() => ({ status: 200, body: { id: '91', version: 2, state: 'done' } }));
    const { user } = open(`/records/demo.task/${record.id}`, server);
    expect(await screen.findByText('签证专员')).toBeTruthy();
    expect(screen.getByText('非必需')).toBeTruthy();
    await user.click(screen.getByRole('button', { name: '完成：签证' }));
    await waitFor(() => expect(screen.getByText('已完成')).toBeTruthy());
    expect(screen.queryByRole('button', { name: /^完成：/ })).toBeNull();
    expect(server.callsTo('POST', '/records/core.task/91/transitions/finish')).toHaveLength(1);
  });

  it('say why one cannot be done', async () => {
    const { server, record } = withTasks(() => problem(409, 'conflict', '该任务已结束。'));
    const { user } = open(`/records/demo.task/${record.id}`, server);
    await user.click(await screen.findByRole('button', { name: '完成：签证' }));
    expect(await screen.findByText('该任务已结束。')).toBeTruthy();
  });

  it('are not asked for where no state brings any', async () => {
    const server = new FakeServer(demoModel());
    const record = server.add('demo.task', { subject: '云南行' });
    open(`/records/demo.task/${record.id}`, server);
    await screen.findAllByText('云南行');
    expect(server.callsTo('GET', `/records/demo.task/${record.id}/tasks`)).toHaveLength(0);
  });
});
