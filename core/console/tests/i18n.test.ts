import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import en from '../src/i18n/en.json';
import zhCn from '../src/i18n/zh_cn.json';
import zhTw from '../src/i18n/zh_tw.json';
import { languageFor } from '../src/i18n';

type Tree = { [key: string]: string | Tree };

function flat(tree: Tree, prefix = ''): Map<string, string> {
  const all = new Map<string, string>();
  for (const [key, value] of Object.entries(tree)) {
    if (typeof value === 'string') all.set(prefix + key, value);
    else for (const [inner, text] of flat(value, `${prefix}${key}.`)) all.set(inner, text);
  }
  return all;
}

// English alone has a singular.
const keys = (tree: Tree) => [...flat(tree).keys()].filter((key) => !key.endsWith('_one')).sort();
const places = (text: string) => [...text.matchAll(/{{(\w+)}}/g)].map((match) => match[1]).sort();

describe('texts', () => {
  it('have the same keys in every language', () => {
    expect(keys(zhTw)).toEqual(keys(zhCn));
    expect(keys(en)).toEqual(keys(zhCn));
  });
  it('are never empty', () => {
    for (const tree of [zhCn, zhTw, en]) for (const [key, text] of flat(tree)) expect(text.trim(), key).not.toBe('');
  });
  it('have every placeholder of the Chinese text', () => {
    // An English sentence may leave out what its grammar does not need, but must not ask for more.
    for (const [key, text] of flat(zhCn)) {
      expect(places(flat(zhTw).get(key) ?? ''), key).toEqual(places(text));
      for (const place of places(flat(en).get(key) ?? '')) expect(places(text), key).toContain(place);
    }
  });
  it('have a singular wherever English counts', () => {
    const english = flat(en);
    for (const key of english.keys()) if (key.endsWith('_other')) expect([...english.keys()]).toContain(key.replace(/_other$/, '_one'));
  });
  it('are all used', () => {
    const source = readdirSync('src', { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.tsx?$/.test(name))
      .map((name) => readFileSync(join('src', name), 'utf8'))
      .join('\n');
    const dynamic = /^(form\.(tooManyDecimals|textTooLong|tooLong|notInteger|notDecimal|jsonObject)|conflict\.(mine|theirs)|timeline\.(create|update|delete|reassign|comment|share|unshare|consent|attach|detach|link|unlink|password|merge|unmerge)|assignment\.(assigned|taken|waiting|rule_(closed|nobody)|fit_(chosen|away|absent|unsuitable|full|score|load|turn))|approval\.((box|none)_(all|asked|waiting)|(done|state)_(approved|rejected|waiting|withdrawn))|timeline\.approval_(asked|given|rejected|void|withdrawn)|app\.appearance_(system|light|dark)|rules\.(on_(created|updated|deleted|time)|outcome_(done|skipped|failed))|jobs\.(state_(ready|running|waiting|dead)|queue_\w+)|audit\.code_\w+|people\.operation_(read|create|update|delete)|reports\.period_\w+|link\.standing_(valid|used|expired|revoked)|workflow\.category_\w+|definitions\.(kind|effect|plugin|deed)_\w+|plugins\.(kind|state|signature)_\w+|filter\.op_\w+|bulk\.status_(done|waiting|refused)|export\.format_(csv|jsonl|xlsx)|clock\.(breached|late|met|paused|running|soon))$/;
    const unused = keys(zhCn)
      .map((key) => key.replace(/_other$/, ''))
      .filter((key) => !source.includes(`'${key}'`) && !dynamic.test(key));
    expect(unused).toEqual([]);
  });
});

it('finds the nearest language', () => {
  expect(['zh', 'zh-CN', 'zh-Hans-HK', 'zh-HK', 'zh-Hant', 'en-GB', 'fr', ''].map(languageFor)).toEqual(['zh-CN', 'zh-CN', 'zh-TW', 'zh-TW', 'zh-TW', 'en', undefined, undefined]);
});
