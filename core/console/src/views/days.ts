import { instantOf, wallClock } from '../format';

/** Days are `2026-12-20`, without a zone; weeks begin on `firstDay` (0: Sunday). */

const utc = (day: string) => new Date(`${day}T00:00:00Z`);
const text = (date: Date) => date.toISOString().slice(0, 10);

export function addDays(day: string, count: number): string {
  const date = utc(day);
  date.setUTCDate(date.getUTCDate() + count);
  return text(date);
}

/** The same day of another month; its last day where it has not so many. */
export function addMonths(day: string, count: number): string {
  const date = utc(day);
  const wanted = date.getUTCDate();
  date.setUTCDate(1);
  date.setUTCMonth(date.getUTCMonth() + count);
  const last = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
  date.setUTCDate(Math.min(wanted, last));
  return text(date);
}

export const monthStart = (day: string) => `${day.slice(0, 8)}01`;
export const daysBetween = (from: string, to: string) => Math.round((utc(to).getTime() - utc(from).getTime()) / 86_400_000);

export function weekStart(day: string, firstDay: number): string {
  return addDays(day, -((utc(day).getUTCDay() - firstDay + 7) % 7));
}

/** What the agency's calendar shows now. */
export const todayIn = (timeZone: string) => wallClock(new Date().toISOString(), timeZone).slice(0, 10);

export interface Range {
  /** First day, and the day after the last. */
  from: string;
  to: string;
}

interface Timed {
  start: string;
  end: string | undefined;
  instants: boolean;
}

/** A day in CEL, or its first moment. */
export const firstOf = (day: string, instants: boolean, timeZone: string) => (instants ? `timestamp("${instantOf(`${day}T00:00:00`, timeZone)}")` : `date("${day}")`);

/** The records of a view that lie in the range, at least in part, in CEL. */
export function overlap({ start, end, instants }: Timed, { from, to }: Range, timeZone: string): string {
  const at = (day: string) => firstOf(day, instants, timeZone);
  const began = `record.${start} >= ${at(from)}`;
  // Of a record without an end, its beginning counts.
  const last = end ? `(${began} || record.${end} ${instants ? '>' : '>='} ${at(from)})` : began;
  return `record.${start} < ${at(to)} && ${last}`;
}

export interface Span {
  /** Days, both included. */
  first: string;
  last: string;
  /** `09:30` in the agency's zone, of instants. */
  time: string | undefined;
  /** Milliseconds of the wall clock, as if it were UTC; `end` is exclusive, undefined for a moment. */
  begin: number;
  end: number | undefined;
}

/** Where a record lies; undefined where it has no beginning. An end before the beginning is passed over. */
export function spanOf(start: unknown, end: unknown, instants: boolean, timeZone: string): Span | undefined {
  if (typeof start !== 'string' || start === '') return undefined;
  const local = (value: string) => (instants ? wallClock(value, timeZone) : `${value}T00:00:00`);
  const began = local(start);
  const ended = typeof end === 'string' && end !== '' ? local(end) : undefined;
  const begin = Date.parse(`${began}Z`);
  const stop = ended === undefined ? undefined : Date.parse(`${ended}Z`) + (instants ? 0 : 86_400_000);
  if (Number.isNaN(begin)) return undefined;
  const good = stop !== undefined && stop > begin;
  return {
    first: began.slice(0, 10),
    last: good ? text(new Date(stop - 1)) : began.slice(0, 10),
    time: instants ? began.slice(11, 16) : undefined,
    begin,
    end: good ? stop : instants ? undefined : begin + 86_400_000,
  };
}
