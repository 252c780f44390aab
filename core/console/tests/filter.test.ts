import { describe, expect, it } from 'vitest';
import { celOf, celOfAll, filterable, operatorsOf, parseConditions, printConditions, takes, type Condition, type Operator } from '../src/filter';
import { matchesTyped } from '../src/pinyin';
import { demoModel, field } from './fake_server';

const task = demoModel().entities['demo.task']!;
task.fields = [...task.fields, field('ways', '方式', 'multi', { choices: 'demo.kind' }), field('guides', '同行', 'refs', { to: 'demo.person' }), field('secret', '密', 'text', { right: 'masked' })];
const cel = (name: string, op: Operator, ...value: string[]) => celOf(task, { field: name, op, value });

describe('a condition', () => {
  it('is CEL of the kind that the field asks for', () => {
    expect(cel('subject', 'contains', '云"南')).toBe('record.subject.contains("云\\"南")');
    expect(cel('subject', 'lacks', 'a')).toBe('(record.subject == null || !record.subject.contains("a"))');
    expect(cel('people', 'least', '3')).toBe('record.people >= 3');
    expect(cel('budget', 'more', '12.50')).toBe('record.budget > decimal("12.50")');
    expect(cel('state', 'any', 'new', 'done')).toBe('record.state in ["new", "done"]');
    expect(cel('kind', 'none', 'call')).toBe('(record.kind == null || !(record.kind == "call"))');
    expect(cel('ways', 'any', 'a', 'b')).toBe('("a" in record.ways || "b" in record.ways)');
    expect(cel('person', 'any', '7', '12')).toBe('record.person in [7, 12]');
    expect(cel('guides', 'any', '7')).toBe('7 in record.guides');
    expect(cel('owner', 'me')).toBe('record.owner == user.id');
    expect(cel('urgent', 'yes')).toBe('record.urgent == true');
    expect(cel('due_on', 'next', '7')).toBe('record.due_on >= today() && record.due_on <= today() + 7');
    expect(cel('remind_at', 'next', '7')).toBe('record.remind_at >= now() && record.remind_at < timestamp(today() + 8)');
    expect(cel('remind_at', 'on', '2026-12-20')).toBe('record.remind_at >= timestamp(date("2026-12-20")) && record.remind_at < timestamp(date("2026-12-20") + 1)');
    expect(cel('due_on', 'empty')).toBe('record.due_on == null');
  });
  it('is none where a value is missing, wrong, or tries to get out', () => {
    for (const one of [cel('subject', 'contains', ''), cel('people', 'is', '3.5'), cel('people', 'is', '1 || true'), cel('budget', 'is', '1") || true'), cel('due_on', 'on', 'x'), cel('due_on', 'last', '-1'), cel('person', 'any', '7] || true'), cel('kind', 'any'), cel('nothing', 'is', 'a'), cel('people', 'contains', '3')]) {
      expect(one).toBeUndefined();
    }
  });
  it('goes with others by and, or by or', () => {
    const all: Condition[] = [{ field: 'urgent', op: 'yes', value: [] }, { field: 'people', op: 'is', value: [''] }, { field: 'people', op: 'more', value: ['2'] }];
    expect(celOfAll(task, all, false)).toBe('(record.urgent == true) && (record.people > 2)');
    expect(celOfAll(task, all, true)).toBe('(record.urgent == true) || (record.people > 2)');
    expect(celOfAll(task, [], true)).toBeUndefined();
  });
  it('can be told by the address', () => {
    const all: Condition[] = [{ field: 'kind', op: 'any', value: ['call', 'visit'] }, { field: 'due_on', op: 'empty', value: [] }];
    expect(parseConditions(printConditions(all))).toEqual(all);
    for (const text of ['', '{', '[1]', '[["a b","is"]]', '[["a","toString"]]', '[["a","is",3]]', 'null']) expect(parseConditions(text)).toEqual([]);
  });
  it('has operators for each field, all of them known', () => {
    for (const one of filterable(task)) for (const op of operatorsOf(task, one)) expect(takes(op), `${one.name} ${op}`).toBeTruthy();
    expect(filterable(task).map((one) => one.name)).not.toContain('secret');
  });
});

describe('what was typed', () => {
  it('finds Chinese by characters and by pinyin', async () => {
    const { match } = await import('pinyin-pro');
    const pinyin = (text: string, typed: string) => match(text, typed, { continuous: true });
    expect(matchesTyped('重庆分社', '庆', pinyin)).toBe(true);
    expect(matchesTyped('重庆分社', 'cq', pinyin)).toBe(true);
    expect(matchesTyped('重庆分社', 'chongqing', pinyin)).toBe(true);
    expect(matchesTyped('重庆分社', 'bj', pinyin)).toBe(false);
    expect(matchesTyped('Shop sales', 'shop', undefined)).toBe(true);
  });
});
