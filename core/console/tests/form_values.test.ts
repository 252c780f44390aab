import { describe, expect, it } from 'vitest';
import { changedInput, collect, filledInput, toFormValues, toInput } from '../src/form_values';
import type { RecordData } from '../src/api/types';
import { demoModel, field } from './fake_server';

const locale = { locale: 'zh-CN', timeZone: 'Asia/Shanghai', currency: 'CNY' };
const fields = demoModel().entities['demo.task']!.fields.filter((one) => !one.system && !one.read_only);
const record: RecordData = {
  id: '7', version: 3, subject: '王芳', person: '12', kind: 'call', due_on: '2026-12-20', remind_at: '2026-12-20T20:30:15.123456Z', people: 4,
  budget: '9007199254740993.10', budget_currency: 'USD', ratio: '0.100', urgent: false, extra: { a: [1] }, notes: null,
};

const edited = (values: Record<string, unknown>) => {
  const before = toFormValues(fields, record, locale);
  return changedInput(fields, collect(fields, before, locale), collect(fields, { ...before, ...values }, locale));
};

describe('several values', () => {
  const own = { locale: 'en', timeZone: 'Asia/Shanghai', currency: 'CNY' };
  const some = [field('ways', 'Ways', 'multi'), field('team', 'Team', 'refs'), field('name', 'Name', 'localized', { max: 5 })];
  const stored = { id: '7', version: 1, ways: ['a', 'b'], team: ['3', '1'], name: { en: 'Tour', 'zh-CN': '游' } } as RecordData;
  it('sends lists and texts by language as the server keeps them', () => {
    const before = toFormValues(some, stored, own);
    expect(changedInput(some, collect(some, before, own), collect(some, before, own))).toEqual({});
    const after = { ways: [], team: ['1'], name: { 'zh-CN': ' 游 ', en: '', 'zh-TW': '遊' } };
    expect(collect(some, after, own)).toEqual({ ways: null, team: ['1'], name: { 'zh-CN': '游', 'zh-TW': '遊' } });
    expect(collect(some, { name: { en: ' ' } }, own)).toEqual({ ways: null, team: null, name: null });
  });
  it('counts the characters of each language', () => {
    expect(toInput(some[2]!, { en: '123456' }, own)).toEqual({ mistake: { code: 'textTooLong', count: 5 } });
    expect(toInput(some[2]!, { en: '12345' }, own)).toEqual({ value: { en: '12345' } });
  });
});

describe('editing', () => {
  it('sends nothing where nothing changed', () => {
    expect(edited({})).toEqual({});
    expect(edited({ budget: '9,007,199,254,740,993.1', ratio: '.1', people: '4 ', subject: ' 王芳', notes: '' })).toEqual({});
  });
  it('sends only what changed, amounts as exact text', () => {
    expect(edited({ budget: '9007199254740993.11' })).toEqual({ budget: '9007199254740993.11', budget_currency: 'USD' });
    expect(edited({ budget_currency: 'CNY' })).toEqual({ budget: '9007199254740993.10', budget_currency: 'CNY' });
    expect(edited({ people: '5', urgent: true, kind: undefined })).toEqual({ people: 5, urgent: true, kind: null });
    expect(edited({ budget: '' })).toEqual({ budget: null });
  });
  it('shows instants on the clock of the agency', () => {
    const shown = toFormValues(fields, record, locale)['remind_at'] as { format: (pattern: string) => string };
    expect(shown.format('YYYY-MM-DD HH:mm')).toBe('2026-12-21 04:30');
  });
  it('sends of a new record what was filled in', () => {
    expect(filledInput(collect(fields, { ...toFormValues(fields, undefined, locale), subject: '王芳' }, locale))).toEqual({ subject: '王芳' });
  });
  it('begins a new record, but no stored one, with the defaults', () => {
    const withDefault = fields.map((one) => (one.name === 'kind' ? { ...one, default: 'visit' } : one));
    expect(toFormValues(withDefault, undefined, locale)['kind']).toBe('visit');
    expect(toFormValues(withDefault, { ...record, kind: null }, locale)['kind']).toBeUndefined();
  });
});

describe('mistakes', () => {
  it.each([
    ['int', {}, '1.5', { code: 'notInteger' }],
    ['int', {}, '9007199254740993', { code: 'notInteger' }],
    ['int', { min: 1 }, '0', { code: 'tooSmall', min: '1' }],
    ['int', { max: 500 }, '501', { code: 'tooLarge', max: '500' }],
    ['decimal', { scale: 2 }, '1.234', { code: 'tooManyDecimals', count: 2 }],
    ['decimal', { scale: 3, max: '1' }, '1.001', { code: 'tooLarge', max: '1' }],
    ['money', { scale: 2 }, 'viel', { code: 'notDecimal' }],
    ['text', { max: 2 }, '王芳芳', { code: 'textTooLong', count: 2 }],
    ['json', {}, '5', { code: 'jsonObject' }],
  ] as const)('%s %j refuses %j', (type, more, value, mistake) => {
    expect(toInput(field('x', 'X', type, more), value, locale)).toEqual({ mistake });
  });
  it('counts characters as people do', () => {
    expect(toInput(field('x', 'X', 'text', { max: 2 }), '𠮷𠮷', locale)).toEqual({ value: '𠮷𠮷' });
  });
  it('names what is wrong with JSON', () => {
    expect(toInput(field('x', 'X', 'json'), '{', locale)).toMatchObject({ mistake: { code: 'notJson' } });
  });
});
