import { screen, waitFor } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import type { components } from '../src/api/schema';
import en from '../src/i18n/en.json';
import zhCn from '../src/i18n/zh_cn.json';
import zhTw from '../src/i18n/zh_tw.json';
import { demoModel, FakeServer, problem } from './fake_server';
import { open } from './render';

type Fit = components['schemas']['AssignmentCandidate']['fit'];
type Assignment = components['schemas']['Assignment'];

function withQueue() {
  const model = demoModel();
  model.entities['demo.task']!.assignments = [{ name: 'demo.pool', label: '公共池', field: 'owner', strategy: 'queue' }];
  const server = new FakeServer(model);
  const task = server.add('demo.task', { subject: '云南行' });
  server.overrides.push((call) =>
    call.path === '/queues'
      ? { status: 200, body: { available: true, items: [{ name: 'demo.pool', label: '公共池', entity: 'demo.task', entity_label: '任务', strategy: 'queue', waiting: 4 }] } }
      : undefined,
  );
  return { server, task };
}

describe('assignment', () => {
  it('has words for every reason in every language', () => {
    const fits: Record<Fit, true> = { chosen: true, away: true, absent: true, unsuitable: true, full: true, score: true, load: true, turn: true };
    for (const texts of [en, zhCn, zhTw]) {
      for (const fit of Object.keys(fits)) expect(texts.assignment).toHaveProperty(`fit_${fit}`);
    }
  });

  it('opens the record that was taken from a queue', async () => {
    const { server, task } = withQueue();
    server.overrides.push((call) => (call.path === '/queues/demo.pool/next' ? { status: 200, body: task } : undefined));
    const { user, address } = open('/records/demo.task', server);
    await user.click(await screen.findByRole('button', { name: /领取下一条（4 条等待）/ }));
    await waitFor(() => expect(address()).toBe(`/records/demo.task/${task.id}`));
    expect(server.callsTo('POST', '/queues/demo.pool/next')).toHaveLength(1);
  });

  it('says that nothing waits', async () => {
    const { server } = withQueue();
    server.overrides.push((call) => (call.path === '/queues/demo.pool/next' ? problem(404, 'not_found', '该队列中没有适合您的待办记录。') : undefined));
    const { user } = open('/records/demo.task', server);
    await user.click(await screen.findByRole('button', { name: /领取下一条/ }));
    expect(await screen.findByText('该队列中没有适合您的待办记录。')).toBeTruthy();
  });

  it('is explained on the record', async () => {
    const { server, task } = withQueue();
    const decision: Assignment = {
      id: '9', field: 'owner', field_label: '负责人', rule: 'demo.by_turns', label: '轮流分派', outcome: 'assigned', user: { id: '2', name: '王芳' }, at: '2026-11-20T08:30:00Z', fallback: false,
      rules: [{ rule: 'demo.first', label: '首选', why: 'closed' }],
      candidates: [
        { user: { id: '2', name: '王芳' }, fit: 'chosen', score: '2', load: 1, turn: 0 },
        { user: { id: '3', name: '孙立' }, fit: 'full', score: null, load: 5, turn: null },
      ],
      hidden: 2,
    };
    server.overrides.push((call) => (call.path === `/records/demo.task/${task.id}/assignments` ? { status: 200, body: { items: [decision] } } : undefined));
    const { user } = open(`/records/demo.task/${task.id}`, server);
    const explain = await screen.findByRole('button', { name: zhCn.clock.explain });
    await user.click(explain);
    expect(screen.getByText(/孙立: 在办已达上限/)).toBeTruthy();
    expect(screen.getByText(/首选: 不在工作时间内/)).toBeTruthy();
    expect(screen.getByText('另有 2 人您无权查看')).toBeTruthy();
  });
});
