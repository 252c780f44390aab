import { screen, waitFor, within } from '@testing-library/react';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { draftOf, dropDraft } from '../src/definitions/draft';
import { FakeServer, problem, type Answer, type Call } from './fake_server';
import { open } from './render';

// CodeMirror measures what jsdom does not lay out; a text field stands for it here, the real one is driven in tests/e2e.
vi.mock('../src/definitions/editor', () => ({
  default: ({ text, label, onChange, readOnly, marks, target }: { text: string; label: string; onChange?: (text: string) => void; readOnly?: boolean; marks?: { line: number }[]; target?: { line: number } }) => (
    <textarea aria-label={label} readOnly={readOnly} value={text} data-marks={(marks ?? []).map((one) => one.line).join()} data-target={target?.line} onChange={(event) => onChange?.(event.target.value)} />
  ),
}));

const source = 'kind: entity\nname: demo.task\nlabel: {zh-CN: 任务}\n';
const good = 'kind: entity\nname: demo.task\nlabel: {zh-CN: 事项}\n';

interface Body {
  base?: string;
  documents: { kind: string; name: string; text: string | null }[];
  plan?: boolean;
}

/** A server with one definition, which finds `lable` wrong. */
function withDefinitions(more: { plan?: object | null; publish?: (call: Call) => Answer; base?: () => string; published?: () => string } = {}) {
  const server = new FakeServer();
  const base = more.base ?? (() => '7');
  const published = more.published ?? (() => '');
  server.overrides.push((call) => {
    const body = call.body as Body;
    switch (`${call.method} ${call.path}`) {
      case 'GET /admin/config':
        return { status: 200, body: { base: base(), items: [
          { kind: 'entity', name: 'demo.task', label: '任务', edited: published() !== '', sources: [{ layer: 'plugin demo', file: 'demo.so:task.yaml', line: 1 }] },
          { kind: 'view', name: 'demo.people', label: null, edited: false, sources: [{ layer: 'agency', file: 'config/a.yaml', line: 3 }] },
        ] } };
      case 'GET /admin/config/documents/entity/demo.task':
        return { status: 200, body: { kind: 'entity', name: 'demo.task', edited: published() !== '', words: [],
          sources: [{ layer: 'plugin demo', file: 'demo.so:task.yaml', line: 1, text: source }, ...(published() ? [{ layer: 'console edits', file: 'console:edits/entity/demo.task.yaml', line: 1, text: published() }] : [])] } };
      case 'GET /admin/config/schema':
        return { status: 200, body: { $defs: {} } };
      case 'GET /admin/config/codes/unknown-word':
        return { status: 200, body: { code: 'unknown-word', severity: 'error', what: 'No such word.', wrong: 'lable: x', right: 'label: x' } };
      case 'POST /admin/config/check': {
        const text = body.documents[0]?.text ?? '';
        const wrong = text.includes('lable');
        const finding = { severity: 'error', kind: 'entity', name: 'demo.task', known: false, file: 'console:edits/entity/demo.task.yaml', line: 3, column: 1, code: 'unknown-word', message: '没有 lable', hint: '应为 label', explained: true };
        return { status: 200, body: { base: base(), stale: false, sound: !wrong, findings: wrong ? [finding] : [], plan: body.plan ? (more.plan ?? { steps: [], confirm: null }) : null } };
      }
      case 'POST /admin/config/publish':
        return more.publish?.(call) ?? { status: 200, body: { revision: '8', hash: 'x', changed: true, dropped: [], not_dropped: null, warnings: [] } };
      case 'GET /admin/config/compare':
        return { status: 200, body: { from: '7', to: base(), items: [{ kind: 'entity', name: 'demo.task', layer: 'console edits', before: null, after: { layer: 'console edits', file: 'f', line: 1, text: 'theirs\n' } }] } };
      default:
        return undefined;
    }
  });
  return server;
}

// The page is fetched in parts, which a busy machine takes its time for.
const patience = { timeout: 40_000 };
const editor = () => screen.findByRole<HTMLTextAreaElement>('textbox', { name: 'demo.task 的控制台 YAML' }, patience);
async function type(user: ReturnType<typeof open>['user'], text: string) {
  const field = await editor();
  await user.clear(field);
  await user.click(field);
  await user.paste(text);
}

afterEach(() => dropDraft());

describe('the editor of definitions', () => {
  it('finds a definition by the tree and shows who says what', async () => {
    const { user, address } = open('/admin/configuration', withDefinitions());
    await user.type(await screen.findByRole('textbox', { name: '搜索定义' }, patience), '任务');
    const tree = screen.getByRole('navigation', { name: '定义' });
    expect(within(tree).queryByRole('button', { name: /people/ })).toBeNull();
    await user.click(within(tree).getByRole('button', { name: /^task/ }));
    expect(address()).toBe('/admin/configuration?kind=entity&name=demo.task');
    expect((await editor()).value).toBe('kind: entity\nname: demo.task\n');
    expect((await screen.findByRole<HTMLTextAreaElement>('textbox', { name: '插件 demo 的 YAML，只读' })).value).toBe(source);
    expect(screen.queryByRole('button', { name: '发布…' })).toBeNull();
  });

  it('checks what is typed, jumps to a mistake and explains it', async () => {
    const { user, server } = open('/admin/configuration?kind=entity&name=demo.task', withDefinitions());
    await type(user, good.replace('label', 'lable'));
    expect(await screen.findByText('没有 lable')).toBeTruthy();
    expect(await screen.findByText('没有此词')).toBeTruthy();
    expect(screen.getByText('应为 label')).toBeTruthy();
    expect(await screen.findByText('1 处错误')).toBeTruthy();
    expect((await editor()).dataset['marks']).toBe('3');
    await user.click(screen.getByRole('button', { name: '第 3 行，第 1 列' }));
    expect((await editor()).dataset['target']).toBe('3');
    await user.click(screen.getByRole('button', { name: 'unknown-word 的说明' }));
    expect(await screen.findByText('No such word.')).toBeTruthy();
    const checks = server.callsTo('POST', '/admin/config/check');
    expect(checks.at(-1)?.body).toMatchObject({ base: '7', documents: [{ kind: 'entity', name: 'demo.task' }] });
    expect(server.callsTo('POST', '/admin/config/publish')).toHaveLength(0);
    // A mistaken draft is not published.
    await user.click(screen.getAllByRole('button', { name: '关闭' })[0]!);
    await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
    await user.click(screen.getByRole('button', { name: '发布…' }));
    const dialog = await screen.findByRole('dialog');
    await user.type(within(dialog).getByRole('textbox'), '改名');
    expect((await within(dialog).findAllByText('没有 lable')).length).toBe(1);
    expect(within(dialog).getByRole<HTMLButtonElement>('button', { name: '发布' }).disabled).toBe(true);
  });

  it('keeps the draft over a reload, publishes it with a comment, and then forgets it', async () => {
    let text = '';
    const { user, server, unmount } = open('/admin/configuration?kind=entity&name=demo.task', withDefinitions({ published: () => text }));
    await type(user, good);
    await screen.findByText('草稿，共 1 个文档：');
    unmount();
    draftOf(''); // as after a reload nothing but the browser's store is left
    const again = open('/admin/configuration?kind=entity&name=demo.task', server);
    expect((await editor()).value).toBe(good);
    await again.user.click(screen.getByRole('button', { name: '发布…' }));
    const dialog = await screen.findByRole('dialog');
    expect(await within(dialog).findByText('label: {zh-CN: 事项}')).toBeTruthy();
    const publish = within(dialog).getByRole<HTMLButtonElement>('button', { name: '发布' });
    expect(publish.disabled).toBe(true);
    await again.user.type(within(dialog).getByRole('textbox'), '改名');
    await waitFor(() => expect(publish.disabled).toBe(false));
    text = good;
    await again.user.click(publish);
    expect(await screen.findByText('版本 8 已启用')).toBeTruthy();
    expect(server.callsTo('POST', '/admin/config/publish').at(-1)?.body).toEqual({ base: '7', documents: [{ kind: 'entity', name: 'demo.task', text: good }], comment: '改名' });
    await waitFor(() => expect(screen.queryByText('草稿，共 1 个文档：')).toBeNull());
    expect((await editor()).value).toBe(good);
  });

  it('shows what rows would lose, and deletes only after the word', async () => {
    const plan = { steps: [{ table: 'demo_task', what: 'drop column x_mood', samples: ['id 3: glad'], loses: true, blocked: false }], confirm: 'abc' };
    const { user, server } = open('/admin/configuration?kind=entity&name=demo.task', withDefinitions({ plan }));
    await type(user, good);
    await user.click(await screen.findByRole('button', { name: '发布…' }));
    const dialog = await screen.findByRole('dialog');
    expect(await within(dialog).findByText('id 3: glad')).toBeTruthy();
    await user.type(within(dialog).getByRole('textbox'), '不要了');
    await user.click(within(dialog).getByRole('radio', { name: '永久删除数据' }));
    const publish = within(dialog).getByRole<HTMLButtonElement>('button', { name: '发布' });
    expect(publish.disabled).toBe(true);
    await user.type(within(dialog).getByRole('textbox', { name: '输入“删除”以确认' }), '删除');
    await waitFor(() => expect(publish.disabled).toBe(false));
    await user.click(publish);
    await waitFor(() => expect(server.callsTo('POST', '/admin/config/publish').at(-1)?.body).toMatchObject({ leftovers: 'drop', confirm: 'abc' }));
  });

  it('decides between what two people changed', async () => {
    let base = '7';
    const publish = () => {
      base = '9';
      return problem(409, 'definitions_stale', '已发布版本 9');
    };
    const { user } = open('/admin/configuration?kind=entity&name=demo.task', withDefinitions({ publish, base: () => base }));
    await type(user, good);
    await user.click(await screen.findByRole('button', { name: '发布…' }));
    const dialog = await screen.findByRole('dialog');
    await user.type(within(dialog).getByRole('textbox'), '改名');
    const button = within(dialog).getByRole<HTMLButtonElement>('button', { name: '发布' });
    await waitFor(() => expect(button.disabled).toBe(false));
    await user.click(button);
    const decide = (await screen.findByText('基于版本 9 继续')).closest<HTMLElement>('[role=dialog]')!;
    expect(await within(decide).findByText('theirs')).toBeTruthy();
    const go = within(decide).getByRole<HTMLButtonElement>('button', { name: '继续' });
    expect(go.disabled).toBe(true);
    await user.click(within(decide).getByRole('radio', { name: '采用我的' }));
    await waitFor(() => expect(go.disabled).toBe(false));
    await user.click(go);
    expect(await screen.findByRole('button', { name: '发布…' })).toBeTruthy();
    expect((await editor()).value).toBe(good);
  });
});
