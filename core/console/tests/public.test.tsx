import { render, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import axe from 'axe-core';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { inputOf, resourceOf, type AskedField } from '../src/public/client';
import { languageOf, messages, type PublicLanguage } from '../src/public/messages';
import { PublicPage, textOn } from '../src/public/page';

const agency = { name: '山水旅行社', time_zone: 'Asia/Shanghai', currency: 'CNY', color: '#0f766e', logo: '/favicon.svg' };
const asked = (name: string, more: Partial<AskedField> = {}): AskedField => ({ name, label: name, help: '', type: 'text', required: false, multiline: false, min: null, max: null, max_length: null, options: [], ...more });
const form = { name: 'shop.ask', type: 'form', label: '咨询', text: '', locale: 'zh-CN', agency, consent: '我同意', fields: [asked('name', { label: '姓名', required: true }), asked('party', { label: '人数', type: 'int', min: '1' })] };
const record = {
  name: 'shop.track', type: 'record', label: '进度', text: '', locale: 'zh-CN', agency, expires_at: '2027-01-01T00:00:00Z', once: false,
  fields: [{ name: 'number', label: '编号', type: 'text', text: 'C-1' }, { name: 'answer', label: '答复', type: 'text', text: '' }],
  history: [{ at: '2026-11-01T01:00:00Z', label: '新建' }, { at: '2026-11-02T01:00:00Z', label: '已答复' }],
  acts: [{ name: 'rate', label: '评价', fields: [asked('score', { label: '满意度', type: 'int', min: '0', max: '100', required: true }), asked('ok', { label: '是否满意', type: 'bool' })] }],
  added: [{ label: '留言', at: '2026-11-03T01:00:00Z', fields: [{ name: 'text', label: '留言', type: 'text', text: '请尽快' }] }],
};

interface Sent {
  method: string;
  url: string;
  body: unknown;
  language: string | null;
}

/** Answers what the page asks; keeps what it sent. */
function serve(answers: Record<string, () => Response>): Sent[] {
  const sent: Sent[] = [];
  vi.stubGlobal('fetch', (url: string, init: RequestInit) => {
    const method = init.method ?? 'GET';
    sent.push({ method, url, body: init.body ? JSON.parse(init.body as string) : undefined, language: new Headers(init.headers).get('Accept-Language') });
    return Promise.resolve((answers[`${method} ${url}`] ?? (() => new Response('{}', { status: 404 })))());
  });
  return sent;
}
const json = (body: unknown, status = 200) => () => new Response(JSON.stringify(body), { status });
const show = (path: string, language: PublicLanguage = 'zh-CN', onLanguage = vi.fn()) => render(<PublicPage resource={resourceOf(path)} language={language} onLanguage={onLanguage} />);

afterEach(() => vi.unstubAllGlobals());

describe('public pages', () => {
  it('send a form with what was agreed to, and tell the number', async () => {
    const sent = serve({ 'GET /api/v1/public/pages/shop.ask': json(form), 'POST /api/v1/public/pages/shop.ask': json({ number: 'REQ-1' }) });
    const { container } = show('/public/pages/shop.ask');
    await userEvent.type(await screen.findByLabelText(/姓名/), '王芳');
    await userEvent.type(screen.getByLabelText('人数'), '2');
    await userEvent.click(screen.getByLabelText('我同意'));
    expect((await axe.run(container, { rules: { 'color-contrast': { enabled: false } } })).violations).toEqual([]);
    await userEvent.click(screen.getByRole('button', { name: '提交' }));
    expect(await screen.findByText(/REQ-1/)).toBeTruthy();
    expect(sent.at(-1)).toEqual({ method: 'POST', url: '/api/v1/public/pages/shop.ask', body: { input: { name: '王芳', party: 2 }, consent: true }, language: 'zh-CN' });
    expect(document.title).toBe('咨询 · 山水旅行社');
  });

  it('tell each mistake at its field, and keep what was filled in', async () => {
    serve({
      'GET /api/v1/public/pages/shop.ask': json(form),
      'POST /api/v1/public/pages/shop.ask': json({ detail: '有些字段需要修正。', errors: [{ field: 'party', code: 'too_small', message: '人数不能小于 1。' }] }, 422),
    });
    show('/public/pages/shop.ask');
    await userEvent.type(await screen.findByLabelText(/姓名/), '王芳');
    await userEvent.click(screen.getByRole('button', { name: '提交' }));
    expect(await screen.findByText('人数不能小于 1。')).toBeTruthy();
    expect(screen.getByLabelText('人数').getAttribute('aria-invalid')).toBe('true');
    expect(screen.getByLabelText<HTMLInputElement>(/姓名/).value).toBe('王芳');
  });

  it('show a record, what happened to it, and take its steps', async () => {
    const sent = serve({ 'GET /api/v1/public/links/abc': json(record), 'POST /api/v1/public/links/abc/rate': () => new Response(null, { status: 204 }) });
    const { container } = show('/public/links/abc');
    expect(await screen.findByText('C-1')).toBeTruthy();
    expect(screen.queryByText('答复')).toBeNull();
    expect(within(screen.getByRole('list')).getAllByRole('listitem').map((item) => item.textContent)).toEqual([expect.stringContaining('新建'), expect.stringContaining('已答复')]);
    expect(screen.getByText('请尽快')).toBeTruthy();
    expect((await axe.run(container, { rules: { 'color-contrast': { enabled: false } } })).violations).toEqual([]);
    await userEvent.click(screen.getByLabelText(/满意度/));
    await userEvent.selectOptions(screen.getByLabelText('是否满意'), 'true');
    await userEvent.click(screen.getByRole('button', { name: '提交' }));
    expect(await screen.findByText('已完成，谢谢！')).toBeTruthy();
    expect(sent.at(-1)?.body).toEqual({ input: { score: 50, ok: true } });
  });

  it('say alike of every link that it leads nowhere, and offer to try again where the server does not answer', async () => {
    serve({});
    const { unmount } = show('/public/links/unknown');
    expect((await screen.findByRole('alert')).textContent).toContain('链接已失效');
    unmount();
    let works = false;
    vi.stubGlobal('fetch', () => (works ? Promise.resolve(json(record)()) : Promise.reject(new TypeError('offline'))));
    show('/public/links/abc', 'en');
    const again = await screen.findByRole('button', { name: 'Try again' });
    works = true;
    await userEvent.click(again);
    await waitFor(() => expect(screen.getByText('C-1')).toBeTruthy());
  });

  it('ask in the language that is chosen', async () => {
    const sent = serve({ 'GET /api/v1/public/pages/shop.ask': json(form) });
    const onLanguage = vi.fn();
    show('/public/pages/shop.ask', 'zh-TW', onLanguage);
    await screen.findByLabelText(/姓名/);
    expect(sent[0]?.language).toBe('zh-TW');
    await userEvent.selectOptions(screen.getByLabelText('語言'), 'en');
    expect(onLanguage).toHaveBeenCalledWith('en');
  });
});

describe('what public pages are made of', () => {
  it('has the same messages in every language', () => {
    for (const language of Object.values(messages)) expect(Object.keys(language)).toEqual(Object.keys(messages.en));
    expect([languageOf('', ['fr', 'zh-Hant-HK']), languageOf('?lang=en', ['zh-CN']), languageOf('', ['de'])]).toEqual(['zh-TW', 'en', 'zh-CN']);
  });

  it('writes on any colour what can be read', () => {
    expect(['#0958d9', '#1677ff', '#ffffff', '#000000', '#0f766e', '#ffd666'].map(textOn)).toEqual(['#fff', '#000', '#000', '#fff', '#fff', '#000']);
  });

  it('knows two kinds of addresses', () => {
    expect([resourceOf('/public/pages/a.b'), resourceOf('/public/links/x_-9/'), resourceOf('/public/links/'), resourceOf('/public/links/a/b')]).toEqual(['/api/v1/public/pages/a.b', '/api/v1/public/links/x_-9', undefined, undefined]);
  });

  it('sends numbers and flags as such, and leaves out what is empty', () => {
    const fields = [asked('n', { type: 'int' }), asked('b', { type: 'bool' }), asked('m', { type: 'money' }), asked('t'), asked('l', { type: 'multi' })];
    expect(inputOf(fields, { n: '3', b: 'false', m: '12.50', t: '', l: ['a', 'b'] })).toEqual({ n: 3, b: false, m: '12.50', l: ['a', 'b'] });
  });
});
