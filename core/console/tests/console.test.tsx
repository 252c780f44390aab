import { act, screen, waitFor, within } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { i18next } from '../src/i18n';
import { safeNext } from '../src/pages/login';
import { FakeServer, problem } from './fake_server';
import { open } from './render';

const server = (prepare: (server: FakeServer) => void = () => undefined) => {
  const made = new FakeServer();
  prepare(made);
  return made;
};

describe('signing in', () => {
  const signedOut = () => server((one) => (one.signedIn = false));

  it('sends a visitor to the sign-in page and back to where he wanted to go', async () => {
    const { user, address } = open('/records/demo.person?q=abc', signedOut());
    await user.type(await screen.findByLabelText('用户名'), 'admin');
    expect(address()).toBe(`/login?next=${encodeURIComponent('/records/demo.person?q=abc')}`);
    await user.type(screen.getByLabelText('密码'), 'secret');
    await user.click(screen.getByRole('button', { name: '登录' }));
    expect(await screen.findByRole('heading', { level: 1, name: '人员' })).toBeTruthy();
    expect(address()).toBe('/records/demo.person?q=abc');
    expect(document.title).toBe('人员 · 示例公司');
  });

  it('says what is wrong', async () => {
    const { user, server: fake } = open('/login', signedOut());
    await user.type(await screen.findByLabelText('用户名'), 'admin');
    await user.click(screen.getByRole('button', { name: '登录' }));
    expect(await screen.findByText('请输入密码')).toBeTruthy();
    await user.type(screen.getByLabelText('密码'), 'nope{Enter}');
    expect(await screen.findByText('用户名或密码不正确。')).toBeTruthy();
    fake.overrides.push((call) => (call.path === '/session' ? problem(429, 'too_many_requests', 'x', { 'Retry-After': '45' }) : undefined));
    await user.click(screen.getByRole('button', { name: '登录' }));
    expect(await screen.findByText('尝试次数过多，请在 45 秒后再试。')).toBeTruthy();
  });

  it('keeps the language picked on the sign-in page for the user', async () => {
    const { user, server: fake } = open('/login', signedOut());
    await user.click(await screen.findByRole('button', { name: /语言/ }));
    await user.click(await screen.findByText('English'));
    await user.type(await screen.findByLabelText('Username'), 'admin');
    await user.type(screen.getByLabelText('Password'), 'secret{Enter}');
    await waitFor(() => expect(fake.user.locale).toBe('en'));
    expect(document.documentElement.lang).toBe('en');
    expect(localStorage.getItem('caravan.language')).toBe('en');
  });

  it('returns only to pages of the console', () => {
    expect(['/records/a', '//evil.example', '/\\evil.example', 'https://evil.example', '/login', null].map(safeNext)).toEqual(['/records/a', '/', '/', '/', '/', '/']);
  });

  it('goes back to the sign-in page when the session ends', async () => {
    const fake = server((one) => one.add('demo.person', { name: '王芳' }));
    const { user, address } = open('/records/demo.person', fake);
    await screen.findByRole('link', { name: '王芳' });
    fake.signedIn = false;
    await user.click(screen.getByRole('button', { name: '刷新' }));
    expect(await screen.findByText(/登录已失效/)).toBeTruthy();
    expect(address()).toBe('/login?next=%2Frecords%2Fdemo.person');
  });

  it('asks to sign in again above unsaved work instead of losing it', async () => {
    const fake = server();
    const { user } = open('/records/demo.person/new', fake);
    await user.type(await screen.findByLabelText('姓名'), '王芳');
    fake.signedIn = false;
    await user.click(screen.getByRole('button', { name: '保存' }));
    await user.type(await screen.findByLabelText('密码'), 'secret{Enter}');
    await waitFor(() => expect(screen.queryByLabelText('密码')).toBeNull());
    expect((screen.getByLabelText('姓名') as HTMLInputElement).value).toBe('王芳');
  });
});

describe('the frame', () => {
  it('has the navigation that the model says', async () => {
    open('/records/demo.person', server((one) => {
      one.model.entities['demo.person']!.plural = '全部人员';
      one.user.administrator = false;
    }));
    const navigation = within(await screen.findByRole('navigation', { name: '导航' }));
    expect(navigation.getByText('演示')).toBeTruthy();
    expect(navigation.queryByText('空模块')).toBeNull();
    expect(navigation.getAllByRole('link').map((link) => link.textContent)).toEqual(['我的工作台', '任务', '全部人员']);
    expect(navigation.getByRole('link', { name: '任务' }).getAttribute('href')).toBe('/records/demo.task');
  });

  it('leaves out what is not for the menu', async () => {
    open('/records/demo.task', server((one) => {
      one.model.entities['demo.person']!.menu = false;
      one.user.administrator = false;
    }));
    const navigation = within(await screen.findByRole('navigation', { name: '导航' }));
    expect(navigation.getAllByRole('link').map((link) => link.textContent)).toEqual(['我的工作台', '任务']);
  });

  it('switches the language everywhere and keeps it', async () => {
    const { user, server: fake } = open('/records/demo.person');
    await user.click(await screen.findByRole('button', { name: /语言/ }));
    await user.click(await screen.findByText('繁體中文'));
    expect(await screen.findByRole('button', { name: '重新整理' })).toBeTruthy();
    await waitFor(() => expect(fake.user.locale).toBe('zh-TW'));
    await waitFor(() => expect(fake.calls.at(-1)?.headers.get('Accept-Language')).toBe('zh-TW'));
    expect(document.documentElement.lang).toBe('zh-TW');
    expect(fake.callsTo('GET', '/model').at(-1)?.query.get('locale')).toBe('zh-TW');
  });

  it("speaks the user's language from the beginning", async () => {
    open('/records/demo.person', server((one) => (one.user.locale = 'en')));
    expect(await screen.findByRole('button', { name: 'Refresh' })).toBeTruthy();
    expect(i18next.language).toBe('en');
  });

  it('signs out', async () => {
    const { user, server: fake, address } = open('/records/demo.person');
    await user.click(await screen.findByRole('button', { name: /账户/ }));
    await user.click(await screen.findByText('退出登录'));
    expect(await screen.findByLabelText('用户名')).toBeTruthy();
    expect(fake.signedIn).toBe(false);
    expect(address()).toBe('/login');
  });

  it('signs nobody out by a foreign link', async () => {
    const { server: fake } = open('/logout');
    expect(await screen.findByRole('heading', { level: 1, name: '我的工作台' })).toBeTruthy();
    expect(fake.signedIn).toBe(true);
  });

  it('knows pages and records that are not there', async () => {
    const { router } = open('/nowhere');
    expect(await screen.findByText('页面不存在')).toBeTruthy();
    await act(() => router.navigate('/records/demo.person/999'));
    expect(await screen.findByText('找不到这条记录')).toBeTruthy();
    await act(() => router.navigate('/records/no.such'));
    expect(await screen.findByText('没有这类记录，或您没有查看权限。')).toBeTruthy();
  });
});

describe('the list', () => {
  const filled = () =>
    server((one) => {
      const person = one.add('demo.person', { name: '王芳' });
      for (let index = 1; index <= 45; index += 1) {
        one.add('demo.task', {
          subject: `任务${index}`, person: person.id, kind: 'call', state: index % 2 ? 'new' : 'done', due_on: '2026-12-20', people: 3, budget: '12000.00', budget_currency: 'CNY',
          created_at: `2026-11-${String((index % 28) + 1).padStart(2, '0')}T20:30:00Z`,
          children: 2, // a field's name that antd's table would take for nested rows
        });
      }
    });
  const lastQuery = (fake: FakeServer) => Object.fromEntries(fake.callsTo('GET', '/records/demo.task').at(-1)?.query ?? []);

  it('shows the columns of the view, formatted', async () => {
    const { server: fake } = open('/records/demo.task?size=20', filled());
    const row = (await screen.findByText('任务45')).closest('tr')!;
    expect(within(row).getAllByRole('cell').map((cell) => cell.textContent)).toEqual(['', 'T-146', '任务45', '王芳', '电话', '新建', '2026/12/20', '3', '¥12,000.00', '2026/11/19 04:30']);
    expect(screen.getByText('共 45 条')).toBeTruthy();
    expect(lastQuery(fake)).toEqual({ sort: '-created_at', limit: '20', count: '1', expand: 'person' });
  });

  it('takes its state from the address and asks the server for it', async () => {
    const { server: fake } = open('/records/demo.task?q=x&state=new,done&f.kind=call&sort=due_on&size=20&after=20&page=2', filled());
    await waitFor(() => expect(fake.callsTo('GET', '/records/demo.task')).not.toHaveLength(0));
    expect(lastQuery(fake)).toEqual({
      q: 'x', filter: '(record.state == "new" || record.state == "done") && record.kind == "call"', sort: 'due_on', limit: '20', after: '20', count: '1', expand: 'person',
    });
  });

  it('lists what a view is for, in its order', async () => {
    const fake = filled();
    fake.model.entities['demo.task']!.views.push({ name: 'demo.mine', label: '我的任务', columns: ['number', 'subject', 'due_on'], type: 'list', group: null, start: null, end: null, sort: 'due_on,-created_at', filter: 'record.owner == user.id' });
    const { user, address } = open('/records/demo.task?state=new', fake);
    await user.click(await screen.findByText('我的任务'));
    await waitFor(() => expect(address()).toBe('/records/demo.task?view=demo.mine&state=new'));
    await waitFor(() => expect(lastQuery(fake)).toMatchObject({ view: 'demo.mine', sort: 'due_on,-created_at', filter: 'record.state == "new"' }));
    expect(screen.getByRole('columnheader', { name: /截止日期/ }).getAttribute('aria-sort')).toBe('ascending');
  });

  it('pages forward and back by cursor, in the address', async () => {
    const { user, address, server: fake } = open('/records/demo.task?size=20', filled());
    await screen.findByText('任务45');
    const next = () => screen.getByRole('button', { name: '下一页' });
    await user.click(next());
    await screen.findByText('第 2 页');
    expect(address()).toBe('/records/demo.task?size=20&after=20&page=2');
    await waitFor(() => expect(next().getAttribute('aria-disabled')).toBe('false'));
    await user.click(next());
    await screen.findByText('第 3 页');
    await waitFor(() => expect(lastQuery(fake)['after']).toBe('40'));
    await waitFor(() => expect(screen.getByRole('button', { name: '上一页' }).getAttribute('aria-disabled')).toBe('false'));
    expect((next() as HTMLButtonElement).disabled).toBe(true);
    await user.click(screen.getByRole('button', { name: '上一页' }));
    await screen.findByText('第 2 页');
    expect(address()).toBe('/records/demo.task?size=20&after=20&page=2');
    await waitFor(() => expect(screen.getByRole('button', { name: '上一页' }).getAttribute('aria-disabled')).toBe('false'));
    await user.click(screen.getByRole('button', { name: '上一页' }));
    await screen.findByText('第 1 页');
    expect(address()).toBe('/records/demo.task?size=20');
  });

  it('sorts on the server', async () => {
    const { user, address, server: fake } = open('/records/demo.task?after=20&page=2', filled());
    await screen.findByText('第 2 页');
    await user.click(await screen.findByRole('columnheader', { name: /截止日期/ }));
    await waitFor(() => expect(address()).toBe('/records/demo.task?sort=due_on'));
    await user.click(screen.getByRole('columnheader', { name: /截止日期/ }));
    await waitFor(() => expect(address()).toBe('/records/demo.task?sort=-due_on'));
    await waitFor(() => expect(lastQuery(fake)['sort']).toBe('-due_on'));
  });

  it('searches while one types', async () => {
    const { user, address } = open('/records/demo.task', filled());
    const box = await screen.findByRole('searchbox', { name: '搜索任务' });
    await user.type(box, '任务44');
    await waitFor(() => expect(decodeURIComponent(address())).toBe('/records/demo.task?q=任务44'));
    expect(await screen.findByText('共 1 条')).toBeTruthy();
    expect(document.activeElement).toBe(box);
  });

  it('offers to create the first record to those who may', async () => {
    open('/records/demo.task');
    expect((await screen.findByRole('link', { name: '创建第一条任务' })).getAttribute('href')).toBe('/records/demo.task/new');
  });

  it('offers nothing to those who may not', async () => {
    open('/records/demo.task', server((one) => (one.model.entities['demo.task']!.rights = { read: true, create: false, update: false, delete: false })));
    expect(await screen.findByText('还没有任务')).toBeTruthy();
    expect(screen.queryByRole('link', { name: /新建|创建/ })).toBeNull();
  });

  it('says why it failed and tries again', async () => {
    const fake = filled();
    let broken = true;
    fake.overrides.push((call) => (broken && call.path === '/records/demo.task' ? problem(500, 'internal', '') : undefined));
    const { user } = open('/records/demo.task', fake);
    expect(await screen.findByText(/服务器出错.*req-1/)).toBeTruthy();
    broken = false;
    await user.click(screen.getByRole('button', { name: '重试' }));
    expect(await screen.findByText('任务45')).toBeTruthy();
  });
});
