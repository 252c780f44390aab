import { screen, waitFor } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import type { Draft } from '../src/api/types';
import { demoModel, FakeServer, field, type Call } from './fake_server';
import { open } from './render';

/** People: how many decides whether a reason is shown; the kind, which ones are offered. */
function liveServer() {
  const model = demoModel();
  const task = model.entities['demo.task']!;
  task.live = true;
  task.fields = task.fields.map((one) => (one.name === 'reason' ? field('reason', '原因', 'choice', { choices: 'demo.reason', depends_on: 'kind' }) : one));
  task.forms[0]!.groups[0]!.fields = ['subject', 'people', 'kind', 'reason', 'urgent'];
  model.choices['demo.reason'] = [
    { name: 'dear', label: '价格过高', color: '', active: true, of: ['call'] },
    { name: 'far', label: '太远', color: '', active: true, of: ['visit'] },
  ];
  const server = new FakeServer(model);
  const asked: Call[] = [];
  server.overrides.push((call) => {
    if (call.path !== '/records/demo.task/draft') return undefined;
    asked.push(call);
    const body = call.body as { id?: string; values: Record<string, unknown> };
    const values: Record<string, unknown> = { ...(body.id ? server.records['demo.task']!.find((one) => one.id === body.id) : {}), ...body.values };
    const many = Number(values['people'] ?? 0) > 9;
    const plain = { visible: true, required: false, read_only: false };
    const answer: Draft = {
      fields: {
        subject: { ...plain, required: true },
        people: plain,
        kind: plain,
        urgent: { ...plain, read_only: many },
        reason: { visible: many, required: many, read_only: false, options: values['kind'] === 'visit' ? ['far'] : [] },
        per_head: { ...plain, read_only: true },
      },
      computed: { per_head: many ? '12.50' : null, per_head_currency: many ? 'CNY' : null },
      errors: many && values['reason'] === 'far' && values['kind'] !== 'visit' ? [{ field: 'reason', code: 'not_offered', message: '“太远”与类型的取值不符。' }] : [],
      duplicates: values['subject'] === '云南行' ? [{ rule: 'same', message: '可能已有相同的任务。', more: true, items: [{ id: '7', number: 'T-7', title: '云南行', state: 'new', created_at: null }] }] : [],
    };
    return { status: 200, body: answer };
  });
  return { server, asked };
}

const input = (label: string) => screen.getByLabelText<HTMLInputElement>(label);

describe('a form that asks while it is filled in', () => {
  it('shows fields, options and warnings as they follow from the values', async () => {
    const { server, asked } = liveServer();
    const { user } = open('/records/demo.task/new', server);
    await user.type(await screen.findByLabelText('主题'), '云南行');
    await waitFor(() => expect(screen.queryByLabelText('原因')).toBeNull());
    await user.type(input('人数'), '12');
    expect(await screen.findByLabelText('原因')).toBeTruthy();
    expect(await screen.findByText('可能已有相同的任务。')).toBeTruthy();
    expect(screen.getByRole('link', { name: 'T-7 · 云南行' }).getAttribute('href')).toBe('/records/demo.task/7');
    expect(screen.getByText('12.50', { exact: false })).toBeTruthy();
    expect(input('紧急').disabled).toBe(true);
    expect(asked.length).toBeLessThan(6); // not with every key
    await user.click(screen.getByRole('button', { name: '保存' }));
    expect(await screen.findByText('请填写原因')).toBeTruthy();
    expect(server.callsTo('POST', '/records/demo.task')).toHaveLength(0);
  });

  it('does not send what is not shown', async () => {
    const { server } = liveServer();
    const task = server.add('demo.task', { subject: '老挝行', people: 12, kind: 'visit', reason: 'far' });
    const { user } = open(`/records/demo.task/${task.id}/edit`, server);
    await screen.findByLabelText('原因');
    await user.clear(input('人数'));
    await user.type(input('人数'), '3');
    await waitFor(() => expect(screen.queryByLabelText('原因')).toBeNull());
    await user.click(screen.getByRole('button', { name: '保存' }));
    await waitFor(() => expect(server.callsTo('PATCH', `/records/demo.task/${task.id}`)).toHaveLength(1));
    expect(server.callsTo('PATCH', `/records/demo.task/${task.id}`)[0]!.body).toEqual({ people: 3 });
  });

  it('asks before it sends what was typed last', async () => {
    const { server, asked } = liveServer();
    const { user } = open('/records/demo.task/new', server);
    await user.type(await screen.findByLabelText('主题'), '云南行');
    const before = asked.length;
    await user.type(input('人数'), '3');
    await user.click(screen.getByRole('button', { name: '保存' }));
    await waitFor(() => expect(server.callsTo('POST', '/records/demo.task')).toHaveLength(1));
    expect(asked.length).toBeGreaterThan(before);
    expect(asked.at(-1)!.body).toEqual({ values: { subject: '云南行', people: 3 } });
  });

  it('works where the server does not answer', async () => {
    const { server } = liveServer();
    server.overrides.unshift((call) => (call.path.endsWith('/draft') ? { status: 503, body: { status: 503, code: 'unavailable' } } : undefined));
    const { user, address } = open('/records/demo.task/new', server);
    await user.type(await screen.findByLabelText('主题'), '云南行');
    expect(screen.getByLabelText('原因')).toBeTruthy();
    await user.click(screen.getByRole('button', { name: '保存' }));
    await waitFor(() => expect(address()).toMatch(/^\/records\/demo\.task\/\d+$/));
  });
});

describe('an entity without conditions', () => {
  it('is not asked about', async () => {
    const { server, user } = open('/records/demo.task/new');
    await user.type(await screen.findByLabelText('主题'), '云南行');
    expect(server.callsTo('POST', '/records/demo.task/draft')).toHaveLength(0);
  });
});
