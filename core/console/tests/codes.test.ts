import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import zhCn from '../src/definitions/codes_zh_cn.json';
import zhTw from '../src/definitions/codes_zh_tw.json';

it('every code of the checks is told in Chinese', () => {
  const known = [...readFileSync('../../docs/checks.md', 'utf8').matchAll(/^### ([a-z0-9-]+)$/gm)].map((match) => match[1]).sort();
  expect(known.length).toBeGreaterThan(200);
  expect(Object.keys(zhCn).sort()).toEqual(known);
  expect(Object.keys(zhTw).sort()).toEqual(known);
  for (const words of [zhCn, zhTw]) {
    for (const [code, { title, advice }] of Object.entries(words)) expect([title, advice].filter((text) => text.trim() === ''), code).toEqual([]);
  }
});
