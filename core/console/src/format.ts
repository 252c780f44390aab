import { fractionDigits } from './decimal';

/** How values are shown: language of the user, zone and currency of the agency. */
export interface Locale {
  locale: string;
  timeZone: string;
  currency: string;
}

/** A format is made once: making one takes a hundred times as long as using it. Few there are: by language, currency, digits, zone. */
function made<Options, Format>(Kind: new (locale: string, options: Options) => Format): (locale: string, options: Options) => Format {
  const known = new Map<string, Format>();
  return (locale, options) => {
    const key = locale + JSON.stringify(options);
    let format = known.get(key);
    if (!format) known.set(key, (format = new Kind(locale, options)));
    return format;
  };
}

const numberFormat = made<Intl.NumberFormatOptions, Intl.NumberFormat>(Intl.NumberFormat);
const dateFormat = made<Intl.DateTimeFormatOptions, Intl.DateTimeFormat>(Intl.DateTimeFormat);

const canonical = /^-?\d+(\.\d+)?$/;

/** Groups the digits of a decimal text, exactly; text that is no decimal is shown as it is. */
export function formatDecimal(value: string, locale: string): string {
  return decimal(value, locale, {});
}

export function formatMoney(value: string, currency: string, locale: string): string {
  try {
    return decimal(value, locale, { style: 'currency', currency, currencyDisplay: 'narrowSymbol' });
  } catch {
    return `${value} ${currency}`;
  }
}

function decimal(value: string, locale: string, options: Intl.NumberFormatOptions): string {
  if (!canonical.test(value)) return value;
  const digits = fractionDigits(value);
  const format = numberFormat(locale, { ...options, minimumFractionDigits: digits, maximumFractionDigits: digits });
  // A text is formatted exactly (ECMAScript 2023), where a number would be rounded.
  return format.format(value as unknown as number);
}

/** `2026-12-20` in the user's language; a date has no zone. */
export function formatDate(value: string, locale: string): string {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(value);
  if (!match) return value;
  const at = new Date(Date.UTC(Number(match[1]), Number(match[2]) - 1, Number(match[3])));
  return dateFormat(locale, { timeZone: 'UTC', ...dateParts(locale) }).format(at);
}

/** An instant as wall-clock time of `timeZone`. */
export function formatInstant(value: string, locale: string, timeZone: string, seconds = false): string {
  const at = new Date(value);
  if (Number.isNaN(at.getTime())) return value;
  const options: Intl.DateTimeFormatOptions = {
    ...dateParts(locale),
    hour: '2-digit',
    minute: '2-digit',
    ...(seconds ? { second: '2-digit' } : {}),
    hourCycle: 'h23',
  };
  try {
    return dateFormat(locale, { ...options, timeZone }).format(at);
  } catch {
    return dateFormat(locale, { ...options, timeZone: 'UTC' }).format(at);
  }
}

function dateParts(locale: string): Intl.DateTimeFormatOptions {
  return { year: 'numeric', month: locale.startsWith('zh') ? '2-digit' : 'short', day: '2-digit' };
}

/** Wall-clock time of an instant in `timeZone`, as `2026-12-20T09:30:00`. */
export function wallClock(instant: string, timeZone: string): string {
  const parts = dateFormat('en-CA', {
    timeZone,
    year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23',
  }).formatToParts(new Date(instant));
  const part = (type: string) => parts.find((one) => one.type === type)?.value ?? '00';
  return `${part('year').padStart(4, '0')}-${part('month')}-${part('day')}T${part('hour')}:${part('minute')}:${part('second')}`;
}

/**
 * The instant (RFC 3339, UTC) at which clocks of `timeZone` show `wall`. In the hour that a change to summer time
 * leaves out, the time after it.
 */
export function instantOf(wall: string, timeZone: string): string {
  const naive = Date.parse(`${wall}Z`);
  const offset = (at: number) => Date.parse(`${wallClock(new Date(at).toISOString(), timeZone)}Z`) - at;
  let at = naive - offset(naive);
  at = naive - offset(at);
  return new Date(at).toISOString().replace('.000Z', 'Z');
}

/** Colour of a dot from a definition: an antd preset or #rrggbb; anything else is neutral. */
export function dotColor(color: string | null | undefined): string {
  if (color && /^#[0-9a-f]{6}$/i.test(color)) return color;
  return presets[color ?? ''] ?? '#8c8c8c';
}

const presets: Record<string, string> = {
  blue: '#1677ff', processing: '#1677ff', green: '#52c41a', success: '#52c41a', red: '#f5222d', error: '#f5222d',
  orange: '#fa8c16', warning: '#faad14', gold: '#faad14', yellow: '#fadb14', cyan: '#13c2c2', purple: '#722ed1',
  magenta: '#eb2f96', pink: '#eb2f96', volcano: '#fa541c', geekblue: '#2f54eb', lime: '#a0d911', grey: '#8c8c8c', gray: '#8c8c8c',
};

/** A size of a file, in the unit that leaves few digits. */
export function formatBytes(bytes: number, locale: string): string {
  const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte'] as const;
  const at = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log(bytes) / Math.log(1024)));
  return numberFormat(locale, { style: 'unit', unit: units[at], unitDisplay: 'short', maximumFractionDigits: at === 0 ? 0 : 1 }).format(bytes / 1024 ** at);
}
