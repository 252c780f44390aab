import type { AggregateItem, Block, Entity, Field, Model } from '../api/types';
import { formatDate, formatDecimal, formatInstant, formatMoney, dotColor, type Locale } from '../format';
import { celString } from '../filter';
import { fieldOf, optionOf, stateOf } from '../model';
import { addDays, addMonths, firstOf } from '../views/days';

export interface Point {
  key: string;
  label: string;
  color: string | undefined;
  /** For drawing; the text is exact. */
  value: number;
  text: string;
}

/** Most groups of a chart that is not over time. */
export const mostGroups = 20;
const mostSteps = 400;

type Bucket = 'day' | 'week' | 'month' | 'quarter' | 'year';

export const groupField = (entity: Entity, block: Block): Field | undefined => fieldOf(entity, (block.group ?? '').split(':')[0]!);
export const bucketOf = (block: Block): Bucket | undefined => (block.group ?? '').split(':')[1] as Bucket | undefined;
const isTime = (entity: Entity, block: Block) => ['date', 'instant'].includes(groupField(entity, block)?.type ?? '');
const hasOrder = (entity: Entity, block: Block) => block.group === 'state' || !!groupField(entity, block)?.choices;

/** Parameters of the route of groups for a block. */
export function chartQuery(entity: Entity, block: Block) {
  const measure = block.measure ?? 'count';
  const whole = isTime(entity, block) || hasOrder(entity, block);
  return {
    group: block.group || undefined,
    measure,
    filter: block.filter || undefined,
    // Where the groups have no order of their own, the largest come first.
    sort: !block.group || whole ? undefined : `-${measure}`,
    limit: !block.group ? 1 : whole ? mostSteps : mostGroups,
  };
}

/**
 * The condition, in CEL, of the records in a group. `key`: of its point. A span of time is from its first moment, in the
 * agency's zone as the server counts, to before the first of the next.
 */
export function groupCondition(entity: Entity, block: Block, key: string, timeZone: string): string | undefined {
  const field = groupField(entity, block);
  if (!field) return undefined;
  const bucket = bucketOf(block);
  const left = `record.${field.name}`;
  if (key === '') return `${left} == null`;
  if (bucket) {
    const at = (day: string) => firstOf(day, field.type === 'instant', timeZone);
    return `${left} >= ${at(key)} && ${left} < ${at(next(key, bucket))}`;
  }
  switch (field.type) {
    case 'choice':
    case 'text':
      return `${left} == ${celString(key)}`;
    case 'ref':
    case 'int':
    case 'bool':
      return `${left} == ${key}`;
    case 'date':
      return `${left} == date("${key}")`;
    default:
      return undefined;
  }
}

/** What a measure says; money of several currencies is never added up: that of the agency is drawn, all are told. */
export function measureOf(value: unknown, entity: Entity, measure: string, locale: Locale): { value: number; text: string } {
  if (Array.isArray(value)) {
    const amounts = value as { currency: string; amount: string }[];
    const own = amounts.find((one) => one.currency === locale.currency) ?? amounts[0];
    return { value: Number(own?.amount ?? 0), text: amounts.map((one) => formatMoney(trimmed(one.amount), one.currency, locale.locale)).join(' + ') || formatMoney('0', locale.currency, locale.locale) };
  }
  if (value === null || value === undefined) return { value: 0, text: '—' };
  const type = fieldOf(entity, measure.split(':')[1] ?? '')?.type;
  const text = String(value);
  if (type === 'date' && !measure.startsWith('count')) return { value: 0, text: formatDate(text, locale.locale) };
  if (type === 'instant' && !measure.startsWith('count')) return { value: 0, text: formatInstant(text, locale.locale, locale.timeZone) };
  return { value: Number(text), text: formatDecimal(trimmed(text), locale.locale) };
}

/** At most two digits after the point, and none where they are all zero: a chart is no ledger. */
function trimmed(text: string): string {
  const [whole, digits = ''] = text.split('.');
  if (digits.length <= 2) return /^0*$/.test(digits) ? whole! : text;
  const rounded = Number(text).toFixed(2);
  return rounded.endsWith('.00') ? rounded.slice(0, -3) : rounded;
}

/** The points of a chart in the order in which they are drawn. */
export function points(model: Model, entity: Entity, block: Block, items: readonly AggregateItem[], locale: Locale, words: { none: string; yes: string; no: string }): Point[] {
  const group = block.group ?? '';
  const measure = block.measure ?? 'count';
  const field = groupField(entity, block);
  const found = items.map((item): Point => {
    const raw = item.group[group];
    const key = raw === null || raw === undefined ? '' : String(raw);
    const option = group === 'state' ? stateOf(entity, key) : field ? optionOf(model, field, key) : undefined;
    const label = key === '' ? words.none : (item.label[group] ?? (field?.type === 'bool' ? (raw === true ? words.yes : words.no) : field?.type === 'date' && !bucketOf(block) ? formatDate(key, locale.locale) : field?.type === 'ref' ? `#${key}` : key));
    return { key, label, color: option?.color ? dotColor(option.color) : undefined, ...measureOf(item[measure], entity, measure, locale) };
  });
  if (isTime(entity, block)) return filled(found, bucketOf(block) ?? 'day', measure);
  const order = group === 'state' ? entity.states?.map((one) => one.name) : field?.choices ? model.choices[field.choices]?.map((one) => one.name) : undefined;
  if (!order) return found;
  const place = (point: Point) => (point.key === '' ? Infinity : order.indexOf(point.key));
  return found.sort((a, b) => place(a) - place(b));
}

/** Times without records are there, too, where nothing means zero: a line that leaves them out would lie. */
function filled(found: Point[], bucket: Bucket, measure: string): Point[] {
  const dated = found.filter((point) => point.key !== '').sort((a, b) => a.key.localeCompare(b.key));
  const rest = found.filter((point) => point.key === '');
  const kind = measure.split(':')[0]!;
  const first = dated[0];
  const last = dated.at(-1);
  if (!first || !last || !['count', 'sum', 'count_distinct'].includes(kind)) return [...dated, ...rest];
  const byKey = new Map(dated.map((point) => [point.key, point]));
  const all: Point[] = [];
  for (let key = first.key; key <= last.key; key = next(key, bucket)) {
    all.push(byKey.get(key) ?? { key, label: bucketLabel(key, bucket), color: undefined, value: 0, text: '0' });
    if (all.length > mostSteps) return [...dated, ...rest];
  }
  return [...all, ...rest];
}

function next(key: string, bucket: Bucket): string {
  switch (bucket) {
    case 'day':
      return addDays(key, 1);
    case 'week':
      return addDays(key, 7);
    case 'month':
      return addMonths(key, 1);
    case 'quarter':
      return addMonths(key, 3);
    case 'year':
      return addMonths(key, 12);
  }
}

/** As the server writes it: `2026-11-22`, `2026-W47`, `2026-11`, `2026-Q4`, `2026`. */
export function bucketLabel(key: string, bucket: Bucket): string {
  switch (bucket) {
    case 'day':
      return key;
    case 'week': {
      const thursday = addDays(key, 3);
      const january = `${thursday.slice(0, 4)}-01-01`;
      const days = (Date.parse(`${thursday}T00:00:00Z`) - Date.parse(`${january}T00:00:00Z`)) / 86_400_000;
      return `${thursday.slice(0, 4)}-W${String(Math.floor(days / 7) + 1).padStart(2, '0')}`;
    }
    case 'month':
      return key.slice(0, 7);
    case 'quarter':
      return `${key.slice(0, 4)}-Q${Math.floor((Number(key.slice(5, 7)) - 1) / 3) + 1}`;
    case 'year':
      return key.slice(0, 4);
  }
}
