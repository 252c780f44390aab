import { screen, within } from '@testing-library/react';
import { expect, it } from 'vitest';
import type { Handbook, HandbookLine, HandbookSection } from '../src/api/types';
import { FakeServer, problem } from './fake_server';
import { open } from './render';

const text = (said: string): HandbookLine => [{ kind: 'text', text: said }];
const section = (id: string, more: Partial<HandbookSection> = {}): HandbookSection => ({ id, name: null, title: text(id), blocks: [], sections: [], ...more });

const book: Handbook = {
  locale: 'zh-CN',
  title: '示范：操作手册',
  hash: 'abc',
  contents: '目录',
  in_words: '流程图文字说明',
  sections: [
    section('how-to-read', { blocks: [{ kind: 'paragraph', lines: [text('<b>说明</b>')], table: null, chart: null }] }),
    section('part-demo', {
      title: text('演示'),
      sections: [
        section('record-demo.task', {
          title: text('任务'),
          name: 'demo.task',
          blocks: [
            {
              kind: 'chart',
              lines: [text('1. 开始：从新建到进行中')],
              table: null,
              chart: {
                title: '流程图：任务',
                width: 300,
                height: 100,
                start: [10, 40],
                nodes: [
                  { id: 'new', label: '新建', language: null, category: 'open', category_label: '进行中', initial: true, lines: ['新建'], x: 30, y: 20, width: 80, height: 40 },
                  { id: 'end', label: 'End', language: 'en', category: 'done', category_label: '已完成', initial: false, lines: ['End'], x: 200, y: 20, width: 80, height: 40 },
                ],
                edges: [{ number: 1, label: '开始', dashed: true, from: 'new', to: 'end', label_x: 116, label_y: 36, lines: ['1 开始'], points: [[110, 40], [200, 40]] }],
              },
            },
            {
              kind: 'table',
              lines: [],
              chart: null,
              table: {
                caption: null,
                head: ['步骤', '办理人'],
                rows: [[[[{ kind: 'strong', text: '开始' }], [{ kind: 'text', text: 'Only English', language: 'en' }]], [[{ kind: 'link', text: '文员', to: 'post-demo.clerk' }]]]],
              },
            },
          ],
        }),
      ],
    }),
    section('responsibilities', { title: text('岗位职责'), sections: [section('post-demo.clerk', { title: text('文员') })] }),
  ],
};

function server(): FakeServer {
  const fake = new FakeServer();
  fake.overrides.push((call) => (call.path === '/handbook' ? { status: 200, body: book } : undefined));
  return fake;
}

it('is in the menu of the user and shows its first part, as text', async () => {
  const { user, address, server: fake } = open('/', server());
  await user.click(await screen.findByRole('button', { name: /账户/ }));
  await user.click(await screen.findByText('操作手册'));
  expect(await screen.findByText('<b>说明</b>')).toBeTruthy();
  expect(address()).toBe('/handbook');
  expect(fake.callsTo('GET', '/handbook')[0]!.query.get('locale')).toBe('zh-CN');
  expect(screen.getByRole('link', { name: '完整手册' }).getAttribute('href')).toBe('/api/v1/handbook?format=html&locale=zh-CN');
});

it('shows a part with its charts, tables and links', async () => {
  const { user, router } = open('/handbook', server());
  const contents = within(await screen.findByRole('navigation', { name: '目录' }));
  await user.click(contents.getByRole('link', { name: '演示' }));
  const chart = await screen.findByRole('img', { name: '流程图：任务' });
  expect(within(chart).getByText('1 开始')).toBeTruthy();
  expect(within(chart).getByText('End').getAttribute('lang')).toBe('en');
  expect(chart.querySelectorAll('.flow-dashed')).toHaveLength(1);
  expect(screen.getByText('1. 开始：从新建到进行中')).toBeTruthy();
  expect(screen.getByText('Only English').closest('[lang]')?.getAttribute('lang')).toBe('en');
  expect(contents.getByRole('link', { name: '演示' }).getAttribute('aria-current')).toBe('page');
  await user.click(within(screen.getByRole('table')).getByRole('link', { name: '文员' }));
  expect(router.state.location.search + router.state.location.hash).toBe('?part=responsibilities#post-demo.clerk');
  expect(await screen.findByRole('heading', { name: '文员' })).toBeTruthy();
});

it('tells that it cannot be loaded', async () => {
  const fake = new FakeServer();
  fake.overrides.push((call) => (call.path === '/handbook' ? problem(500, 'internal', '不可') : undefined));
  open('/handbook', fake);
  expect(await screen.findByRole('button', { name: '重试' })).toBeTruthy();
});
