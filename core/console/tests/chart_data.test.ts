import { describe, expect, it } from 'vitest';
import type { AggregateItem, Block } from '../src/api/types';
import { bucketLabel, chartQuery, groupCondition, measureOf, points } from '../src/blocks/chart_data';
import { demoModel } from './fake_server';

const model = demoModel();
const task = model.entities['demo.task']!;
const locale = { locale: 'zh-CN', timeZone: 'Asia/Shanghai', currency: 'CNY' };
const words = { none: '未填写', yes: '是', no: '否' };
const block = (more: Partial<Block>): Block => ({ name: 'b', label: '', type: 'chart', width: 24, entity: 'demo.task', view: null, form: null, text: null, chart: 'bar', group: null, measure: 'count', filter: null, ...more });
const item = (group: Record<string, unknown>, measures: Record<string, unknown>, label: Record<string, string> = {}) => ({ group, label, ...measures }) as unknown as AggregateItem;
const shown = (group: Partial<Block>, items: AggregateItem[]) => points(model, task, block(group), items, locale, words).map((one) => `${one.label}=${one.text}`);

describe('a chart', () => {
  it('asks for the largest groups first where they have no order', () => {
    expect(chartQuery(task, block({ group: 'subject' }))).toMatchObject({ sort: '-count', limit: 20 });
    expect(chartQuery(task, block({ group: 'state' })).sort).toBeUndefined();
    expect(chartQuery(task, block({ group: 'due_on:month', measure: 'sum:people' }))).toMatchObject({ group: 'due_on:month', measure: 'sum:people', sort: undefined, limit: 400 });
    expect(chartQuery(task, block({ chart: 'number' }))).toMatchObject({ group: undefined, limit: 1 });
  });
  it('has states and options in their order, and those without last', () => {
    expect(shown({ group: 'state' }, [item({ state: 'done' }, { count: 2 }, { state: '完成' }), item({ state: 'new' }, { count: 5 }, { state: '新建' })])).toEqual(['新建=5', '完成=2']);
    expect(shown({ group: 'kind' }, [item({ kind: null }, { count: 1 }), item({ kind: 'visit' }, { count: 2 }, { kind: '拜访' }), item({ kind: 'call' }, { count: 3 }, { kind: '电话' })])).toEqual(['电话=3', '拜访=2', '未填写=1']);
  });
  it('fills the times in between with zero, but not where zero would be wrong', () => {
    const months = [item({ 'due_on:month': '2026-11-01' }, { count: 2, 'avg:people': '3.5' }, { 'due_on:month': '2026-11' }), item({ 'due_on:month': '2027-02-01' }, { count: 1, 'avg:people': '2.000000' }, { 'due_on:month': '2027-02' })];
    expect(shown({ group: 'due_on:month' }, months)).toEqual(['2026-11=2', '2026-12=0', '2027-01=0', '2027-02=1']);
    expect(shown({ group: 'due_on:month', measure: 'avg:people' }, months)).toEqual(['2026-11=3.5', '2027-02=2']);
  });
  it('calls yes and no by their names', () => {
    expect(shown({ group: 'urgent' }, [item({ urgent: true }, { count: 1 }), item({ urgent: false }, { count: 2 })])).toEqual(['是=1', '否=2']);
  });
});

describe('a measure', () => {
  it('of money is told by currency and never added up', () => {
    expect(measureOf([{ currency: 'CNY', amount: '1200.00' }, { currency: 'USD', amount: '10.50' }], task, 'sum:budget', locale)).toEqual({ value: 1200, text: '¥1,200 + $10.50' });
    expect(measureOf([], task, 'sum:budget', locale).text).toBe('¥0');
  });
  it('of nothing is no zero', () => {
    expect(measureOf(null, task, 'max:people', locale).text).toBe('—');
    expect(measureOf('2.500000', task, 'avg:people', locale).text).toBe('2.50');
    expect(measureOf('2026-12-20', task, 'max:due_on', locale).text).toBe('2026/12/20');
  });
});

it('parts of the calendar are written as the server writes them', () => {
  expect([bucketLabel('2026-11-01', 'month'), bucketLabel('2026-10-01', 'quarter'), bucketLabel('2026-12-28', 'week'), bucketLabel('2027-01-04', 'week'), bucketLabel('2026-01-01', 'year')]).toEqual(['2026-11', '2026-Q4', '2026-W53', '2027-W01', '2026']);
});

describe('the way from a group to its records', () => {
  const condition = (group: string, key: string, zone = 'Asia/Shanghai') => groupCondition(task, block({ group }), key, zone);
  it('is a condition on what it stands for', () => {
    expect(condition('state', 'new')).toBe('record.state == "new"');
    expect(condition('person', '7')).toBe('record.person == 7');
    expect(condition('urgent', 'true')).toBe('record.urgent == true');
    expect(condition('kind', '')).toBe('record.kind == null');
    expect(condition('due_on', '2026-11-20')).toBe('record.due_on == date("2026-11-20")');
  });
  it('of a span of time ends before the next one begins', () => {
    expect(condition('due_on:day', '2026-12-31')).toBe('record.due_on >= date("2026-12-31") && record.due_on < date("2027-01-01")');
    expect(condition('due_on:week', '2026-12-28')).toBe('record.due_on >= date("2026-12-28") && record.due_on < date("2027-01-04")');
    expect(condition('due_on:month', '2026-11-01')).toBe('record.due_on >= date("2026-11-01") && record.due_on < date("2026-12-01")');
    expect(condition('due_on:quarter', '2026-10-01')).toBe('record.due_on >= date("2026-10-01") && record.due_on < date("2027-01-01")');
    expect(condition('due_on:year', '2026-01-01')).toBe('record.due_on >= date("2026-01-01") && record.due_on < date("2027-01-01")');
    expect(condition('due_on:month', '')).toBe('record.due_on == null');
  });
  it('of moments is in the zone by which they are counted, also where its clocks change', () => {
    expect(condition('created_at:month', '2026-11-01')).toBe('record.created_at >= timestamp("2026-10-31T16:00:00Z") && record.created_at < timestamp("2026-11-30T16:00:00Z")');
    expect(condition('created_at:month', '2026-03-01', 'Europe/Berlin')).toBe('record.created_at >= timestamp("2026-02-28T23:00:00Z") && record.created_at < timestamp("2026-03-31T22:00:00Z")');
  });
});
