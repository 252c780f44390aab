/** Exact decimals as text. Amounts never pass through a binary floating-point number. */

/** Digits that the server stores, before and behind the point together. */
const maxDigits = 18;

export type DecimalMistake = 'not_a_number' | 'too_many_decimals' | 'too_long';

export type ParsedDecimal = { value: string } | { mistake: DecimalMistake };

/**
 * What a person typed, brought to the form the server sends: full-width digits become ASCII, thousands separators
 * go, the fraction is filled up to `scale` digits (where scale is known).
 */
export function parseDecimal(input: string, scale?: number | null): ParsedDecimal {
  const text = input.normalize('NFKC').replace(/\s/g, '').replace(/^−/, '-');
  const match = /^([+-]?)(\d{1,3}(?:,\d{3})+|\d*)(?:\.(\d*))?$/.exec(text);
  if (!match || !/\d/.test(text)) return { mistake: 'not_a_number' };
  const whole = (match[2] ?? '').replaceAll(',', '').replace(/^0+(?=\d)/, '') || '0';
  let fraction = match[3] ?? '';
  if (scale != null) {
    if (/[1-9]/.test(fraction.slice(scale))) return { mistake: 'too_many_decimals' };
    fraction = fraction.slice(0, scale).padEnd(scale, '0');
  }
  if ((whole === '0' ? 0 : whole.length) + fraction.length > maxDigits) return { mistake: 'too_long' };
  const unsigned = fraction ? `${whole}.${fraction}` : whole;
  return { value: match[1] === '-' && /[1-9]/.test(unsigned) ? `-${unsigned}` : unsigned };
}

/** Negative, zero or positive as `a` is below, equal to or above `b`; both canonical decimals. */
export function compareDecimals(a: string, b: string): number {
  const digits = Math.max(fractionDigits(a), fractionDigits(b));
  const difference = scaled(a, digits) - scaled(b, digits);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

export function fractionDigits(value: string): number {
  const point = value.indexOf('.');
  return point < 0 ? 0 : value.length - point - 1;
}

function scaled(value: string, digits: number): bigint {
  return BigInt(value.replace('.', '') + '0'.repeat(digits - fractionDigits(value)));
}
