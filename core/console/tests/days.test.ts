import { describe, expect, it } from 'vitest';
import { addDays, addMonths, overlap, spanOf, todayIn, weekStart } from '../src/views/days';

const shanghai = 'Asia/Shanghai';

describe('days', () => {
  it('are counted over months, leap years and changes of the clock', () => {
    expect([addDays('2026-02-28', 1), addDays('2028-02-28', 1), addDays('2026-01-01', -1), addDays('2026-03-29', 1)]).toEqual(['2026-03-01', '2028-02-29', '2025-12-31', '2026-03-30']);
    expect([addMonths('2026-01-31', 1), addMonths('2026-11-15', 2), addMonths('2026-01-15', -1)]).toEqual(['2026-02-28', '2027-01-15', '2025-12-15']);
    expect([weekStart('2026-11-22', 1), weekStart('2026-11-22', 0), weekStart('2026-11-16', 1)]).toEqual(['2026-11-16', '2026-11-22', '2026-11-16']);
  });
  it('are today where the agency is', () => {
    expect(todayIn('Pacific/Kiritimati') > todayIn('Pacific/Midway')).toBe(true);
  });
});

describe('overlap', () => {
  it('of dates has no zone', () => {
    expect(overlap({ start: 'on', end: undefined, instants: false }, { from: '2026-11-01', to: '2026-12-01' }, shanghai)).toBe('record.on < date("2026-12-01") && record.on >= date("2026-11-01")');
    expect(overlap({ start: 'on', end: 'until', instants: false }, { from: '2026-11-01', to: '2026-12-01' }, shanghai)).toBe(
      'record.on < date("2026-12-01") && (record.on >= date("2026-11-01") || record.until >= date("2026-11-01"))',
    );
  });
  it('of instants begins at midnight of the agency', () => {
    expect(overlap({ start: 'at', end: 'done', instants: true }, { from: '2026-11-01', to: '2026-12-01' }, shanghai)).toBe(
      'record.at < timestamp("2026-11-30T16:00:00Z") && (record.at >= timestamp("2026-10-31T16:00:00Z") || record.done > timestamp("2026-10-31T16:00:00Z"))',
    );
  });
});

describe('a span', () => {
  it('of dates has both ends', () => {
    expect(spanOf('2026-11-20', '2026-11-22', false, shanghai)).toMatchObject({ first: '2026-11-20', last: '2026-11-22', time: undefined });
    expect(spanOf('2026-11-20', null, false, shanghai)).toMatchObject({ first: '2026-11-20', last: '2026-11-20' });
  });
  it('of instants stands on the days of the agency, its end excluded', () => {
    expect(spanOf('2026-11-20T16:30:00Z', '2026-11-22T16:00:00Z', true, shanghai)).toMatchObject({ first: '2026-11-21', last: '2026-11-22', time: '00:30' });
    expect(spanOf('2026-11-20T16:30:00Z', undefined, true, shanghai)).toMatchObject({ first: '2026-11-21', last: '2026-11-21', end: undefined });
  });
  it('that ends before it begins is a moment, and nothing without a beginning', () => {
    expect(spanOf('2026-11-20', '2026-11-02', false, shanghai)).toMatchObject({ first: '2026-11-20', last: '2026-11-20' });
    expect(spanOf(null, '2026-11-02', false, shanghai)).toBeUndefined();
  });
});
