import { screen, waitFor, within } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import type { Approval } from '../src/api/types';
import { demoModel, FakeServer, problem } from './fake_server';
import { open } from './render';

function approvalOf(id: string, more: Partial<Approval> = {}): Approval {
  return {
    id: '77', entity: 'demo.task', entity_label: '任务', record: { id, title: `T-${id}`, version: 4 }, transition: { name: 'begin', label: '开始' }, state: 'waiting',
    asked_by: { id: '2', name: '王芳' }, asked_at: '2026-11-20T08:30:00Z', comment: '请批准',
    input: [{ field: 'people', label: '人数', value: 7 }],
    steps: [
      { name: 'first', label: '主管', state: 'done', all: false, deciders: ['主管'], waiting_for: [], decisions: [{ by: { id: '3', name: '孙立' }, deputy_of: null, verdict: 'approve', comment: null, at: '2026-11-20T09:00:00Z', version: 3 }] },
      { name: 'second', label: '总监', state: 'open', all: false, deciders: ['总监'], waiting_for: ['总监'], decisions: [] },
    ],
    may_decide: true, may_withdraw: false, ended_at: null, reason: null, ...more,
  };
}

function withApproval(more: Partial<Approval> = {}) {
  const model = demoModel();
  model.entities['demo.task']!.transitions[0]!.approval = [{ name: 'first', label: '主管' }];
  const server = new FakeServer(model);
  const task = server.add('demo.task', { subject: '云南行' });
  const api = `/records/demo.task/${task.id}`;
  const approval = approvalOf(task.id, more);
  server.overrides.push((call) => {
    if (call.path === '/approvals' && call.method === 'GET') return { status: 200, body: { items: call.query.get('box') === 'asked' ? [] : [approval], next: null, total: 3 } };
    if (call.path === `${api}/transitions`) {
      return { status: 200, body: { items: [{ name: 'begin', label: '开始', to: 'active', to_label: '', allowed: false, why: '等待审批：总监。', form: null, comment_required: false, approval: true }], approvals: [approval] } };
    }
    return undefined;
  });
  return { server, task, api, approval, path: api };
}

describe('approvals', () => {
  it('are shown with the record, and approved there', async () => {
    const { server, path } = withApproval();
    server.overrides.push((call) => (call.path === '/approvals/77/approve' ? { status: 200, body: approvalOf('1', { state: 'approved' }) } : undefined));
    const { user } = open(path, server);
    const region = await screen.findByRole('region', { name: '审批：开始' });
    expect(within(region).getByText('等待审批：总监')).toBeTruthy();
    expect(within(region).getByText(/孙立 已同意/)).toBeTruthy();
    expect(within(region).getByText('7')).toBeTruthy();
    await user.click(within(region).getByRole('button', { name: '同意' }));
    const dialog = await screen.findByRole('dialog');
    await user.type(within(dialog).getByLabelText('备注'), '很好');
    await user.click(within(dialog).getByRole('button', { name: '同意' }));
    expect(await screen.findByText('已批准')).toBeTruthy();
    const call = server.callsTo('POST', '/approvals/77/approve')[0];
    expect(call?.body).toEqual({ comment: '很好' });
    expect(call?.headers.get('If-Match')).toBe('"4"');
  });

  it('need a reason to be rejected, and say what the server refused', async () => {
    const { server, path } = withApproval();
    server.overrides.push((call) => (call.path === '/approvals/77/reject' ? problem(409, 'conflict', '该申请已撤回。') : undefined));
    const { user } = open(path, server);
    await user.click(await screen.findByRole('button', { name: '驳回' }));
    const dialog = await screen.findByRole('dialog');
    await user.click(within(dialog).getByRole('button', { name: '驳回' }));
    expect((await within(dialog).findByRole('alert')).textContent).toBe('请填写理由');
    expect(server.callsTo('POST', '/approvals/77/reject')).toHaveLength(0);
    await user.type(within(dialog).getByLabelText('理由'), '太贵');
    await user.click(within(dialog).getByRole('button', { name: '驳回' }));
    await waitFor(() => expect(within(dialog).getByRole('alert').textContent).toContain('该申请已撤回。'));
  });

  it('have a page of their own, counted in the navigation', async () => {
    const { server, approval } = withApproval({ may_decide: false, may_withdraw: true });
    const { user } = open('/approvals', server);
    expect(await screen.findByRole('link', { name: `任务 ${approval.record.title}` })).toBeTruthy();
    expect(await screen.findByTitle('3 项待您审批')).toBeTruthy();
    expect(screen.getByRole('button', { name: '撤回申请' })).toBeTruthy();
    expect(screen.queryByRole('button', { name: '同意' })).toBeNull();
    await user.click(screen.getByRole('tab', { name: '我的申请' }));
    expect(await screen.findByText(/您还没有提出审批申请/)).toBeTruthy();
  });

  it('are not in the navigation where no step needs one', async () => {
    const server = new FakeServer();
    open('/', server);
    await screen.findByRole('navigation');
    expect(server.callsTo('GET', '/approvals')).toHaveLength(0);
  });

  it('are asked for by taking the step', async () => {
    const { server, path, api } = withApproval();
    server.overrides.unshift((call) => {
      if (call.path === `${api}/transitions`) return { status: 200, body: { items: [{ name: 'begin', label: '开始', to: 'active', to_label: '', allowed: true, why: '', form: null, comment_required: false, approval: true }] } };
      return call.path === `${api}/transitions/begin` ? { status: 202, body: approvalOf('1') } : undefined;
    });
    const { user } = open(path, server);
    await user.click(await screen.findByRole('button', { name: '开始' }));
    expect(await screen.findByText('已提交审批：开始')).toBeTruthy();
  });
});
