import { describe, expect, it } from 'vitest';
import { dotColor, formatDate, formatDecimal, formatInstant, formatMoney, instantOf, wallClock } from '../src/format';

describe('amounts', () => {
  it('are exact and have the digits they came with', () => {
    expect(formatMoney('1234567890123456.78', 'CNY', 'zh-CN')).toBe('¥1,234,567,890,123,456.78');
    expect(formatMoney('0.10', 'USD', 'en')).toBe('$0.10');
    expect(formatDecimal('12345.678', 'en')).toBe('12,345.678');
  });
  it('show what is no amount as it is', () => {
    expect(formatDecimal('n/a', 'en')).toBe('n/a');
    expect(formatMoney('5', 'not a currency', 'en')).toBe('5 not a currency');
  });
});

describe('times', () => {
  it('show a date without a zone', () => {
    expect(formatDate('2026-12-20', 'zh-CN')).toBe('2026/12/20');
    expect(formatDate('2026-12-20', 'en')).toBe('Dec 20, 2026');
  });
  it('show an instant in the zone of the agency', () => {
    expect(formatInstant('2026-12-20T20:30:00Z', 'zh-CN', 'Asia/Shanghai')).toBe('2026/12/21 04:30');
    expect(formatInstant('2026-12-20T20:30:00Z', 'zh-CN', 'no/such zone')).toBe('2026/12/20 20:30');
  });
  it('turn wall clock into instant and back, over changes to and from summer time', () => {
    expect(wallClock('2026-12-20T20:30:00.123456Z', 'Asia/Shanghai')).toBe('2026-12-21T04:30:00');
    for (const zone of ['Asia/Shanghai', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe']) {
      for (const wall of ['2026-01-01T00:00:00', '2026-03-29T03:30:00', '2026-07-15T12:00:00', '2026-10-25T23:59:00']) {
        expect(wallClock(instantOf(wall, zone), zone)).toBe(wall);
      }
    }
    expect(instantOf('2026-12-21T04:30:00', 'Asia/Shanghai')).toBe('2026-12-20T20:30:00Z');
  });
});

it('takes only known colours', () => {
  expect(dotColor('#12aB9f')).toBe('#12aB9f');
  expect(dotColor('green')).not.toBe(dotColor(''));
  expect(dotColor('url(//example.com)')).toBe(dotColor(null));
});
