import { screen, waitFor, within } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { FakeServer, field } from './fake_server';
import { open } from './render';

describe('my day', () => {
  it('shows what is mine and open, and whose time runs out', async () => {
    const server = new FakeServer();
    server.user.administrator = false;
    server.model.entities['demo.task']!.clocks = [{ name: 'demo.answer', label: '答复', calendar: null }];
    const task = server.add('demo.task', { subject: '云南行', owner: '1' });
    server.overrides.push((call) =>
      call.path === '/clocks'
        ? { status: 200, body: { now: '2026-11-20T08:30:00Z', more: false, items: [{ entity: 'demo.task', id: task.id, title: `T-${task.id}`, name: 'demo.answer', label: '首次答复', due_at: '2026-11-20T08:00:00Z', breached_at: '2026-11-20T08:00:00Z', limit_seconds: 3600, remaining_seconds: -1800 }] } }
        : undefined,
    );
    open('/', server);
    expect(await screen.findByRole('heading', { level: 1, name: '我的工作台' })).toBeTruthy();
    expect(await screen.findByText('首次答复')).toBeTruthy();
    expect(screen.getByText('已超时')).toBeTruthy();
    const mine = (await screen.findAllByRole('link', { name: `T-${task.id}` })).map((link) => link.getAttribute('href'));
    expect(mine).toContain(`/records/demo.task/${task.id}`);
    await waitFor(() => expect(server.callsTo('GET', '/records/demo.task')[0]?.query.get('filter')).toBe('record.owner == 1 && record.state in ["new", "active"]'));
  });
});

describe('tasks of the day', () => {
  it('stand there with what they are about, and are done in place', async () => {
    const server = new FakeServer();
    const about = server.add('demo.task', { subject: '云南行' });
    server.model.entities['demo.task']!.states[0]!.tasks = [{ name: 'call', label: '致电客户', required: true }];
    server.model.entities['core.task'] = { ...structuredClone(server.model.entities['demo.person']!), name: 'core.task', module: 'core', menu: false };
    let open_ = true;
    server.overrides.push((call) => {
      if (call.path === '/records/core.task' && call.method === 'GET') return { status: 200, body: { items: open_ ? [{ id: '90', version: 1, title: '致电客户', state: 'open', about_entity: 'demo.task', about_id: about.id, due_at: '2026-11-20T10:30:00Z' }] : [], next: null, total: open_ ? 1 : 0 } };
      if (call.path !== '/records/core.task/90/transitions/finish') return undefined;
      open_ = false;
      return { status: 200, body: {} };
    });
    const { user } = open('/', server);
    const link = await screen.findByRole('link', { name: '致电客户' });
    expect(link.getAttribute('href')).toBe(`/records/demo.task/${about.id}`);
    expect(server.callsTo('GET', '/records/core.task')[0]?.query.get('filter')).toContain('record.assignee == user.id');
    await user.click(screen.getByRole('button', { name: '完成：致电客户' }));
    await waitFor(() => expect(screen.queryByRole('link', { name: '致电客户' })).toBeNull());
  });
});

describe('the search palette', () => {
  it('opens by the keyboard, finds pages and records, and goes there', async () => {
    const server = new FakeServer();
    const task = server.add('demo.task', { subject: '云南行' });
    server.overrides.push((call) =>
      call.path === '/search'
        ? { status: 200, body: { items: [{ entity: 'demo.task', entity_label: '任务', id: task.id, title: '云南行', number: 'T-1', field: 'subject', field_label: '主题', rank: 3, fragment: [{ text: '去', hit: false }, { text: '云南', hit: true }] }], next: null, building: [] } }
        : undefined,
    );
    const { user, address } = open('/records/demo.person', server);
    await screen.findByRole('heading', { level: 1, name: '人员' });
    await user.keyboard('{Control>}k{/Control}');
    const box = await screen.findByRole('combobox', { name: '搜索记录，或输入要前往的页面' });
    expect(screen.getByRole('option', { name: /新建任务/ })).toBeTruthy();
    await user.type(box, '云南');
    const hit = await screen.findByRole('option', { name: /云南行/ });
    expect(within(hit).getByText('云南').tagName).toBe('MARK');
    expect(server.callsTo('GET', '/search').at(-1)?.query.get('q')).toBe('云南');
    await user.keyboard('{Enter}');
    await waitFor(() => expect(address()).toBe(`/records/demo.task/${task.id}`));
    expect(screen.queryByRole('listbox')).toBeNull();
  });

  it('finds a page by its pinyin', async () => {
    const { user, address } = open('/records/demo.person');
    await screen.findByRole('heading', { level: 1, name: '人员' });
    await user.click(screen.getByRole('button', { name: /搜索/ , expanded: undefined }));
    const box = await screen.findByRole('combobox', { name: '搜索记录，或输入要前往的页面' });
    await user.type(box, 'rw');
    await waitFor(() => expect(screen.getAllByRole('option')[0]?.textContent).toMatch(/任务/));
    await user.keyboard('{Enter}');
    await waitFor(() => expect(address()).toBe('/records/demo.task'));
  });
});

describe('a record among others', () => {
  it('shows what refers to it, and begins a new one with the reference filled in', async () => {
    const server = new FakeServer();
    const person = server.add('demo.person', { name: '王芳' });
    server.add('demo.task', { subject: '云南行', person: person.id });
    const { user } = open(`/records/demo.person/${person.id}`, server);
    const card = (await screen.findByRole('heading', { level: 2, name: /任务/ })).closest('.ant-card') as HTMLElement;
    expect(await within(card).findByRole('rowheader')).toBeTruthy();
    await user.click(within(card).getByRole('button', { name: '新建任务' }));
    await user.type(await screen.findByRole('textbox', { name: '主题' }), '再次');
    expect(screen.getByText('王芳')).toBeTruthy();
    await user.click(screen.getByRole('button', { name: '保存' }));
    await waitFor(() => expect(server.callsTo('POST', '/records/demo.task')[0]?.body).toMatchObject({ subject: '再次', person: person.id }));
  });

  it('tells the colleague who was mentioned, by his id', async () => {
    const server = new FakeServer();
    const task = server.add('demo.task', { subject: '云南行' });
    server.model.entities['core.user'] = { ...structuredClone(server.model.entities['demo.person']!), name: 'core.user', module: 'core', menu: false };
    server.overrides.push((call) => (call.path === '/records/core.user' ? { status: 200, body: { items: [{ id: '7', version: 1, name: '王芳', active: true }], next: null } } : undefined));
    server.overrides.push((call) => (call.path.endsWith('/comments') ? { status: 201, body: { version: 2, told: ['7'] } } : undefined));
    const { user } = open(`/records/demo.task/${task.id}`, server);
    const box = await screen.findByRole('textbox', { name: '写评论' });
    await user.type(box, '@');
    await user.click(await screen.findByRole('menuitem', { name: '王芳' }));
    await user.type(box, '请看');
    await user.click(screen.getByRole('button', { name: '发表' }));
    await waitFor(() => expect(server.callsTo('POST', `/records/demo.task/${task.id}/comments`)[0]?.body).toEqual({ text: '@王芳 请看', mentions: ['7'] }));
  });

  it('takes a comment and keeps what was not sent', async () => {
    const server = new FakeServer();
    const task = server.add('demo.task', { subject: '云南行' });
    const path = `/records/demo.task/${task.id}`;
    server.overrides.push((call) => {
      if (call.path !== `${path}/comments`) return undefined;
      server.log('demo.task', task.id, 'comment', [], { note: (call.body as { text: string }).text });
      return { status: 201, body: { version: 2, told: [] } };
    });
    const first = open(path, server);
    await first.user.type(await screen.findByRole('textbox', { name: '写评论' }), '请回电');
    first.unmount();
    const { user } = open(path, server);
    const box = await screen.findByRole('textbox', { name: '写评论' });
    expect((box as HTMLTextAreaElement).value).toBe('请回电');
    await user.click(screen.getByRole('button', { name: '发表' }));
    expect(await screen.findByText('发表了评论')).toBeTruthy();
    expect(server.callsTo('POST', `${path}/comments`)[0]?.body).toEqual({ text: '请回电' });
    await waitFor(() => expect((screen.getByRole('textbox', { name: '写评论' }) as HTMLTextAreaElement).value).toBe(''));
  });

  it('gives back what was typed before the page went away', async () => {
    const server = new FakeServer();
    const task = server.add('demo.task', { subject: '云南行' });
    sessionStorage.setItem(`caravan.kept.1/form/demo.task/${task.id}`, JSON.stringify({ subject: '西藏行', people: 3 }));
    const { user } = open(`/records/demo.task/${task.id}/edit`, server);
    expect(await screen.findByText('已恢复您上次未保存的内容。')).toBeTruthy();
    expect((screen.getByRole('textbox', { name: '主题' }) as HTMLInputElement).value).toBe('西藏行');
    await user.click(screen.getByRole('button', { name: '保存' }));
    await waitFor(() => expect(server.callsTo('PATCH', `/records/demo.task/${task.id}`)[0]?.body).toEqual({ subject: '西藏行', people: 3 }));
  });

  it('saves over a new version that changed nothing of the form', async () => {
    const server = new FakeServer();
    const task = server.add('demo.task', { subject: '云南行' });
    const { user, address } = open(`/records/demo.task/${task.id}/edit`, server);
    await user.type(await screen.findByRole('textbox', { name: '主题' }), '！');
    task.version = 2; // somebody commented
    await user.click(screen.getByRole('button', { name: '保存' }));
    await waitFor(() => expect(address()).toBe(`/records/demo.task/${task.id}`));
    expect(task).toMatchObject({ subject: '云南行！', version: 3 });
  });

  it('takes files', async () => {
    const server = new FakeServer();
    const task = server.add('demo.task', { subject: '云南行' });
    const path = `/records/demo.task/${task.id}/attachments`;
    const files: object[] = [];
    server.overrides.push((call) => {
      if (call.path !== path) return undefined;
      if (call.method === 'POST') files.push({ id: '5', name: '护照.pdf', media_type: 'application/pdf', size: 2048, sha256: '', field: null, current: true, created_at: '2026-11-20T08:30:00Z', created_by: '1', href: `/api/v1${path}/5` });
      return { status: call.method === 'POST' ? 201 : 200, body: call.method === 'POST' ? files[0] : { items: files } };
    });
    server.model.entities['demo.task']!.fields.push(field('unused', '无', 'text'));
    const { user, container } = open(`/records/demo.task/${task.id}`, server);
    await screen.findByText('没有附件，可将文件拖放到此处。');
    await user.upload(container.ownerDocument.querySelector<HTMLInputElement>('input[type="file"]')!, new File(['x'], '护照.pdf'));
    expect((await screen.findByRole('link', { name: '护照.pdf' })).getAttribute('href')).toBe(`/api/v1${path}/5`);
    expect(server.callsTo('POST', path)[0]?.headers.get('Content-Type') ?? '').not.toContain('json');
  });
});
