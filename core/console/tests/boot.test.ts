import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { ApiClient } from '../src/api/client';
import { pageOfAddress } from '../src/list_query';
import { FakeServer } from './fake_server';

vi.mock('../src/main', () => ({}));
vi.mock('../src/layout/shell', () => ({}));
vi.mock('../src/pages/list', () => ({}));

afterEach(() => window.history.replaceState(null, '', '/'));

it('what comes first needs no code of the others', () => {
  const seen = new Set<string>();
  const foreign: string[] = [];
  const visit = (file: string) => {
    if (seen.has(file)) return;
    seen.add(file);
    for (const [, from = ''] of readFileSync(file, 'utf8').matchAll(/^(?:import|export) (?!type)(?:[^;']*from )?'([^']+)'/gm)) {
      if (!from.startsWith('.')) foreign.push(`${file}: ${from}`);
      else if (!from.endsWith('.css')) visit([`${join(dirname(file), from)}.ts`, `${join(dirname(file), from)}.tsx`].find(existsSync)!);
    }
  };
  visit('src/boot.ts');
  expect(foreign).toEqual([]);
  expect([...seen].filter((file) => file.endsWith('.tsx'))).toEqual([]);
  expect(seen.size).toBeGreaterThan(5);
});

it('asks for the records of the list in the address, and the list takes what has come', async () => {
  const server = new FakeServer();
  server.add('demo.task', { subject: '第一单', kind: 'call' });
  const fetched = vi.fn(server.fetch);
  vi.stubGlobal('fetch', fetched);
  window.history.replaceState(null, '', '/records/demo.task?state=new&size=20');
  await import('../src/boot');
  await vi.waitFor(() => expect(server.callsTo('GET', '/records/demo.task')).toHaveLength(1));
  const asked = fetched.mock.calls.length;

  const api = new ApiClient();
  await api.me();
  const model = await api.get('/model', { query: { locale: 'zh-CN' } });
  const page = pageOfAddress(api, model, window.location, 'zh-CN')!;
  const { items } = await page.queryFn!({ signal: new AbortController().signal } as never);
  expect(items.map((item) => item['subject'])).toEqual(['第一单']);
  expect(fetched.mock.calls.length).toBe(asked);
});
