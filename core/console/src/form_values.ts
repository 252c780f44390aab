import dayjs, { type Dayjs } from 'dayjs';
import type { Field, FormDefinition, Entity, RecordData } from './api/types';
import { compareDecimals, parseDecimal } from './decimal';
import { instantOf, wallClock, type Locale } from './format';
import { fieldOf, isEditable } from './model';

/** Values as the widgets hold them, by field name; money has `NAME_currency` beside it. */
export type FormValues = Record<string, unknown>;
/** Values as the API takes them. */
export type Input = Record<string, unknown>;

export type Mistake =
  | { code: 'notInteger' | 'notDecimal' | 'tooLong' | 'jsonObject' }
  | { code: 'tooManyDecimals' | 'textTooLong'; count: number }
  | { code: 'tooSmall'; min: string }
  | { code: 'tooLarge'; max: string }
  | { code: 'notJson'; message: string };

export type Outcome = { value: unknown } | { mistake: Mistake };

export const currencyOf = (field: string) => `${field}_currency`;

/** Fields of a form that a user can fill in. */
export function editableFields(entity: Entity, form: FormDefinition): Field[] {
  return form.groups
    .flatMap((group) => group.fields)
    .map((name) => fieldOf(entity, name))
    .filter((field): field is Field => !!field && isEditable(field));
}

/** What the widgets show for `record`; without one, the defaults of a new record. */
export function toFormValues(fields: readonly Field[], record: RecordData | undefined, locale: Locale): FormValues {
  const values: FormValues = {};
  for (const field of fields) {
    const value = record ? record[field.name] : field.default;
    values[field.name] = toWidget(field, value, locale);
    if (field.type === 'money') values[currencyOf(field.name)] = record?.[currencyOf(field.name)] ?? locale.currency;
  }
  return values;
}

function toWidget(field: Field, value: unknown, locale: Locale): unknown {
  if (value === null || value === undefined) return field.type === 'date' || field.type === 'instant' ? null : undefined;
  switch (field.type) {
    case 'date':
      return dayjs(String(value), 'YYYY-MM-DD');
    case 'instant':
      // The picker knows no zones: it is given, and gives back, the agency's wall clock.
      return dayjs(wallClock(String(value), locale.timeZone));
    case 'json':
      return JSON.stringify(value, null, 2);
    case 'bool':
      return value === true;
    case 'multi':
    case 'refs':
      return Array.isArray(value) ? value.map(String) : undefined;
    case 'localized':
      return { ...(value as Record<string, string>) };
    default:
      return String(value);
  }
}

/** One widget's value in the API's form, or what is wrong with it. An empty widget is null. */
export function toInput(field: Field, value: unknown, locale: Locale): Outcome {
  if (value === null || value === undefined) return { value: null };
  // Sent apart from the form, after it.
  if (value instanceof File) return { value: undefined };
  switch (field.type) {
    case 'bool':
      return { value: value === true };
    case 'date':
      return { value: (value as Dayjs).format('YYYY-MM-DD') };
    case 'instant':
      return { value: instantOf((value as Dayjs).format('YYYY-MM-DDTHH:mm:ss'), locale.timeZone) };
    case 'multi':
    case 'refs':
      return { value: Array.isArray(value) && value.length > 0 ? value : null };
    case 'localized':
      return localized(field, value as Record<string, string>);
    default:
  }
  const text = String(value).trim();
  if (text === '') return { value: null };
  switch (field.type) {
    case 'int':
      return integer(field, text);
    case 'decimal':
    case 'money':
      return decimal(field, text);
    case 'json':
      return json(text);
    case 'text':
      if (typeof field.max === 'number' && field.max > 0 && [...text].length > field.max) {
        return { mistake: { code: 'textTooLong', count: field.max } };
      }
      return { value: text };
    default:
      return { value: text };
  }
}

/** Texts by language, without those that are empty; in the order of the languages, as the server keeps them. */
function localized(field: Field, value: Record<string, string>): Outcome {
  const texts = Object.entries(value)
    .map(([language, text]) => [language, text.trim()] as const)
    .filter(([, text]) => text !== '')
    .sort(([a], [b]) => (a < b ? -1 : 1));
  if (typeof field.max === 'number' && texts.some(([, text]) => [...text].length > Number(field.max))) {
    return { mistake: { code: 'textTooLong', count: field.max } };
  }
  return { value: texts.length > 0 ? Object.fromEntries(texts) : null };
}

function integer(field: Field, text: string): Outcome {
  const plain = text.normalize('NFKC').replace(/^\+/, '');
  const grouped = /^-?\d{1,3}(,\d{3})+$/.test(plain) ? plain.replaceAll(',', '') : plain;
  const number = Number(grouped);
  if (!/^-?\d+$/.test(grouped) || !Number.isSafeInteger(number)) return { mistake: { code: 'notInteger' } };
  if (field.min != null && number < Number(field.min)) return { mistake: { code: 'tooSmall', min: String(field.min) } };
  if (field.max != null && number > Number(field.max)) return { mistake: { code: 'tooLarge', max: String(field.max) } };
  return { value: number };
}

function decimal(field: Field, text: string): Outcome {
  const parsed = parseDecimal(text, field.scale);
  if ('mistake' in parsed) {
    if (parsed.mistake === 'too_many_decimals') return { mistake: { code: 'tooManyDecimals', count: field.scale ?? 0 } };
    return { mistake: { code: parsed.mistake === 'too_long' ? 'tooLong' : 'notDecimal' } };
  }
  const { value } = parsed;
  if (field.min != null && compareDecimals(value, String(field.min)) < 0) return { mistake: { code: 'tooSmall', min: String(field.min) } };
  if (field.max != null && compareDecimals(value, String(field.max)) > 0) return { mistake: { code: 'tooLarge', max: String(field.max) } };
  return { value };
}

function json(text: string): Outcome {
  try {
    const value: unknown = JSON.parse(text);
    return value !== null && typeof value === 'object' ? { value } : { mistake: { code: 'jsonObject' } };
  } catch (error) {
    return { mistake: { code: 'notJson', message: error instanceof Error ? error.message : '' } };
  }
}

/** All values in the API's form; fields with a mistake are left out (the form marks them itself). */
export function collect(fields: readonly Field[], values: FormValues, locale: Locale): Input {
  const input: Input = {};
  for (const field of fields) {
    const outcome = toInput(field, values[field.name], locale);
    if ('mistake' in outcome) continue;
    input[field.name] = outcome.value;
    if (field.type === 'money' && outcome.value !== null) input[currencyOf(field.name)] = values[currencyOf(field.name)] ?? locale.currency;
  }
  return input;
}

/** What of `after` differs from `before`. Amount and currency go together: a bare amount would mean the agency's currency. */
export function changedInput(fields: readonly Field[], before: Input, after: Input): Input {
  const changed: Input = {};
  const differs = (name: string) => name in after && JSON.stringify(after[name] ?? null) !== JSON.stringify(before[name] ?? null);
  for (const { name, type } of fields) {
    const currency = currencyOf(name);
    if (!differs(name) && !(type === 'money' && differs(currency))) continue;
    if (name in after && after[name] !== undefined) changed[name] = after[name];
    if (type === 'money' && currency in after) changed[currency] = after[currency];
  }
  return changed;
}

/** Input of a new record: what was filled in. */
export function filledInput(input: Input): Input {
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== null && value !== undefined));
}
