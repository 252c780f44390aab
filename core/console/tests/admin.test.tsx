import { screen, waitFor, within } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { FakeServer, problem, systemFields, field, type Answer, type Call } from './fake_server';
import { open } from './render';

/** A server that answers some routes as `answers` says, by method and path. */
function answering(answers: Record<string, unknown | ((call: Call) => Answer)>): FakeServer {
  const server = new FakeServer();
  server.overrides.push((call) => {
    const answer = answers[`${call.method} ${call.path}`];
    if (answer === undefined) return undefined;
    return typeof answer === 'function' ? (answer as (call: Call) => Answer)(call) : { status: 200, body: answer };
  });
  return server;
}

const run = (id: string, more = {}) => ({ id, entity: 'demo.task', record: '101', event: 'state active', at: '2026-11-20T08:30:00Z', outcome: 'done', reason: null, effects: 2, ...more });

describe('administration', () => {
  it('is for administrators', async () => {
    const server = new FakeServer();
    server.user.administrator = false;
    open('/admin/jobs', server);
    expect(await screen.findByText('没有权限')).toBeTruthy();
    expect(server.calls.some((call) => call.path.startsWith('/admin'))).toBe(false);
    expect(screen.queryByRole('link', { name: '后台任务' })).toBeNull();
  });

  it('shows rules in words, and what each of them did and why not', async () => {
    const server = answering({
      'GET /admin/automations': { items: [{ name: 'demo.tell', label: '通知', entity: 'demo.task', on: 'state active', in_transaction: false, active: true, done: 3, skipped: 1, failed: 0 }] },
      'GET /admin/automations/demo.tell/runs': (call: Call) => ({
        status: 200,
        body: call.query.get('after') ? { items: [run('2', { outcome: 'skipped', reason: '条件不成立' })], next: null } : { items: [run('1')], next: 'c' },
      }),
    });
    const { user, address } = open('/admin/rules', server);
    const row = (await screen.findByText('通知')).closest('tr')!;
    expect(within(row).getByText('进入“进行中”')).toBeTruthy();
    expect(within(row).getByText('已执行 3')).toBeTruthy();
    await user.click(within(row).getByRole('button', { name: '运行记录 通知' }));
    expect(address()).toBe('/admin/rules?rule=demo.tell');
    const dialog = await screen.findByRole('dialog');
    expect((await within(dialog).findByRole('link', { name: '任务 #101' })).getAttribute('href')).toBe('/records/demo.task/101');
    await user.click(within(dialog).getByRole('button', { name: '加载更多' }));
    expect(await within(dialog).findByText('条件不成立')).toBeTruthy();
    await user.click(within(dialog).getByText('失败'));
    await waitFor(() => expect(server.callsTo('GET', '/admin/automations/demo.tell/runs').at(-1)?.query.get('outcome')).toBe('failed'));
  });

  it('runs a schedule now, or says why not', async () => {
    let waiting = false;
    const server = answering({
      'GET /admin/schedules': { items: [{ name: 'demo.daily', label: '每日', entity: null, cron: '0 8 * * *', active: true, next: '2026-11-21T00:00:00Z', last: run('9', { outcome: 'failed' }) }] },
      'POST /admin/schedules/demo.daily/run': () => (waiting ? problem(409, 'conflict', '已在等待执行。') : { status: 202, body: { job: '5' } }),
    });
    const { user } = open('/admin/rules?kind=schedules', server);
    const button = await screen.findByRole('button', { name: '立即运行 每日' });
    expect(screen.getByText('失败')).toBeTruthy();
    await user.click(button);
    expect(await screen.findByText('“每日”已加入队列，即将运行')).toBeTruthy();
    waiting = true;
    await user.click(await screen.findByRole('button', { name: '立即运行 每日' }));
    expect(await screen.findByText('已在等待执行。')).toBeTruthy();
  });

  it('tries a job again and deletes what was given up', async () => {
    const job = { id: '7', queue: 'mail', kind: 'core.send', state: 'dead', priority: 1, attempts: 8, max_attempts: 8, run_at: '2026-11-20T08:30:00Z', created_at: '2026-11-20T08:30:00Z', caused_by: null, request_id: null, worker: null, lease_until: null, last_error: '连接被拒绝', progress: { done: 1, total: 4, note: '' } };
    const server = answering({
      'GET /admin/jobs/stats': { items: [{ queue: 'mail', ready: 0, waiting: 0, running: 0, dead: 1, oldest_ready_seconds: 0 }] },
      'GET /admin/jobs': { items: [job], next: null },
      'GET /admin/jobs/7': { ...job, payload: '{"message":"12"}' },
      'POST /admin/jobs/7/replay': () => ({ status: 204 }),
      'DELETE /admin/jobs/7': () => ({ status: 204 }),
    });
    const { user } = open('/admin/jobs', server);
    expect(await screen.findByText('连接被拒绝')).toBeTruthy();
    await user.click(screen.getByRole('button', { name: '详情 core.send 7' }));
    expect(await screen.findByText(/"message": "12"/)).toBeTruthy();
    await user.keyboard('{Escape}');
    await user.click(screen.getByRole('button', { name: '重新执行 core.send 7' }));
    await waitFor(() => expect(server.callsTo('POST', '/admin/jobs/7/replay')).toHaveLength(1));
    await user.click(screen.getByRole('button', { name: '删除 core.send 7' }));
    await user.click(await screen.findByRole('button', { name: '删除' }));
    await waitFor(() => expect(server.callsTo('DELETE', '/admin/jobs/7')).toHaveLength(1));
  });

  it('checks all histories, part by part', async () => {
    const part = { deleted: 0, erased_events: 0, older_records: 0, older_events: 0 };
    const server = answering({
      'GET /admin/audit': (call: Call) => ({
        status: 200,
        body: call.query.get('after')
          ? { ...part, records: 5, events: 6, items: [{ entity: 'demo.task', id: '101', version: 2, event: '8', code: 'event_changed', what: '第 2 版' }], next: null }
          : { ...part, records: 10, events: 20, items: [], next: 'x' },
      }),
    });
    const { user } = open('/admin/audit', server);
    await user.click(await screen.findByRole('button', { name: '开始校验' }));
    expect(await screen.findByText('历史被修改')).toBeTruthy();
    expect(screen.getByText(/已校验 15 条记录、26 条历史。 发现 1 处异常。/)).toBeTruthy();
  });

  it('says where definitions are wrong when they are read again', async () => {
    const finding = { file: 'agency.yaml', line: 7, column: 3, code: 'unknown-word', message: '没有这个词', hint: '应为 label' };
    const server = answering({
      'GET /admin/revisions': { items: [{ id: '2', hash: 'abcdef0123456789', created_at: '2026-11-20T08:30:00Z', author: 'admin', note: '', active: true }, { id: '1', hash: '99', created_at: '2026-11-19T08:30:00Z', author: 'system', note: 'start', active: false }], next: null },
      'POST /admin/reload': () => ({ status: 422, body: { status: 422, code: 'invalid_record', detail: '定义有 1 处错误', errors: [finding] } }),
      'POST /admin/revisions/1/activate': { hash: '99', changed: true, warnings: [finding] },
      'GET /admin/config': { base: '2', items: [] },
      'GET /admin/config/history': { items: [], next: null },
    });
    const { user } = open('/admin/configuration?tab=revisions', server);
    await user.click(await screen.findByRole('button', { name: '重新读取定义' }));
    expect(await screen.findByText('agency.yaml:7:3')).toBeTruthy();
    expect(screen.getByText('应为 label')).toBeTruthy();
    await user.click(screen.getByRole('button', { name: '启用此版本 1' }));
    await user.click(await screen.findByRole('button', { name: '启用此版本' }));
    expect(await screen.findByText('警告')).toBeTruthy();
  });
});

describe('users and roles', () => {
  function withPeople(more: Record<string, unknown> = {}) {
    const server = answering({
      'GET /admin/roles': { items: [
        { name: 'demo.clerk', label: '专员', administrator: false, everyone: false, department: '销售部', includes: ['demo.reader'], grants: [{ entity: 'demo.task', label: '任务', operation: 'update', when: 'record.owner == user.id', file: 'roles.yaml', line: 4 }] },
        { name: 'demo.reader', label: '读者', administrator: false, everyone: true, department: null, includes: [], grants: [] },
      ] },
      ...more,
    });
    server.model.entities['core.user'] = { ...server.model.entities['demo.person']!, name: 'core.user', label: '用户', plural: '用户', fields: [...systemFields(), field('username', '用户名', 'text'), field('name', '姓名', 'text'), field('roles', '角色', 'json')] };
    const person = server.add('core.user', { username: 'li', name: '李娜', roles: ['demo.clerk'], active: true });
    return { server, person };
  }

  it('shows what a role gives by which rule, and changes the roles of a user', async () => {
    const { server, person } = withPeople();
    const { user } = open('/admin/people', server);
    const row = (await screen.findByText('李娜')).closest('tr')!;
    expect(await within(row).findByText('专员')).toBeTruthy();
    await user.click(within(row).getByRole('button', { name: '调整角色 li' }));
    const dialog = await screen.findByRole('dialog');
    await user.click(within(dialog).getByRole('button', { name: '保存' }));
    await waitFor(() => expect(server.callsTo('PATCH', `/records/core.user/${person.id}`)[0]?.body).toEqual({ roles: ['demo.clerk'] }));
    await user.click(screen.getByRole('tab', { name: '角色' }));
    const role = (await screen.findByText('demo.clerk')).closest('tr')!;
    expect(within(role).getByText('读者')).toBeTruthy();
    await user.click(within(role).getByRole('button'));
    expect(await screen.findByText('record.owner == user.id')).toBeTruthy();
  });

  it('explains why a person may, or may not', async () => {
    const { server, person } = withPeople();
    const task = server.add('demo.task', { subject: '云南行' });
    server.overrides.push((call) =>
      call.path === `/records/demo.task/${task.id}/access`
        ? {
            status: 200,
            body: {
              entity: 'demo.task', id: task.id, user: { id: person.id, username: 'li', name: '李娜' }, administrator: false, shares: [], fields: [],
              operations: [{ operation: 'update', allowed: false, text: '李娜不能修改此记录。', why: '没有一条规则适用于此记录。', grants: [{ role: 'demo.clerk', held_role: 'demo.clerk', everyone: false, deputy_of: null, rule: 'record.owner == user.id', file: 'roles.yaml', line: 4, result: 'false', reads: [], text: '专员：规则不成立。' }] }],
            },
          }
        : undefined,
    );
    open(`/admin/people?tab=access&user=${person.id}&entity=demo.task&id=${task.id}`, server);
    expect(await screen.findByText('李娜不能修改此记录。')).toBeTruthy();
    expect(screen.getByText('专员：规则不成立。')).toBeTruthy();
    expect(server.calls.find((call) => call.path.endsWith('/access'))?.query.get('user')).toBe(person.id);
  });
});
