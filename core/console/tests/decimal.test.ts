import { describe, expect, it } from 'vitest';
import { compareDecimals, parseDecimal } from '../src/decimal';

describe('parseDecimal', () => {
  it.each([
    ['12000', 2, '12000.00'],
    ['12,000.5', 2, '12000.50'],
    ['1２３．４', 2, '123.40'],
    ['  007 ', 0, '7'],
    ['-0.00', 2, '0.00'],
    ['−5', 0, '-5'],
    ['+5', 0, '5'],
    ['.5', 1, '0.5'],
    ['5.', 1, '5.0'],
    ['1.500', 1, '1.5'],
    ['9999999999999999.99', 2, '9999999999999999.99'],
    ['1.10', null, '1.10'],
  ])('%s with scale %s is %s', (text, scale, value) => {
    expect(parseDecimal(text, scale)).toEqual({ value });
  });

  it.each([
    ['', 'not_a_number'],
    ['.', 'not_a_number'],
    ['1e5', 'not_a_number'],
    ['12,5', 'not_a_number'],
    ['1.2.3', 'not_a_number'],
    ['abc', 'not_a_number'],
    ['0.125', 'too_many_decimals'],
    ['12345678901234567', 'too_long'],
  ])('refuses %j: %s', (text, mistake) => {
    expect(parseDecimal(text, 2)).toEqual({ mistake });
  });
});

describe('compareDecimals', () => {
  it('compares beyond the precision of a double', () => {
    expect(compareDecimals('9007199254740993.01', '9007199254740993.02')).toBe(-1);
    expect(compareDecimals('-1', '0.5')).toBe(-1);
    expect(compareDecimals('10', '9.99')).toBe(1);
    expect(compareDecimals('1.0', '1')).toBe(0);
  });
});
