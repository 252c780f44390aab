import type { Entity, Field } from './api/types';
import { fieldOf, isState } from './model';

/** One condition of a filter that was put together, before it is CEL. */
export interface Condition {
  field: string;
  op: Operator;
  /** Options, ids, one text, or a number of days, by what the operator takes. */
  value: string[];
}

/** What an operator takes: nothing, one text in the form of the field, several of the field's values, a number of days. */
export type Takes = 'nothing' | 'one' | 'several' | 'days';

const operators = {
  contains: 'one', lacks: 'one', starts: 'one', is: 'one', isnt: 'one', more: 'one', least: 'one', less: 'one', most: 'one',
  any: 'several', none: 'several', on: 'one', before: 'one', after: 'one', last: 'days', next: 'days', today: 'nothing', yes: 'nothing', no: 'nothing', me: 'nothing',
  empty: 'nothing', filled: 'nothing',
} satisfies Record<string, Takes>;

export type Operator = keyof typeof operators;
export const takes = (op: Operator): Takes => operators[op];

/** Fields that a filter can be about, in the order of the definitions. */
export function filterable(entity: Entity): Field[] {
  return entity.fields.filter((field) => operatorsOf(entity, field).length > 0 && field.right !== 'masked' && !field.sensitive);
}

/** The operators that fit a field; the first one is the usual. */
export function operatorsOf(entity: Entity, field: Field): Operator[] {
  if (isState(field)) return entity.states.length > 0 ? ['any', 'none'] : [];
  switch (field.type) {
    case 'text':
      return ['contains', 'lacks', 'starts', 'is', 'isnt', 'empty', 'filled'];
    case 'int':
    case 'decimal':
    case 'money':
      return ['is', 'isnt', 'more', 'least', 'less', 'most', 'empty', 'filled'];
    case 'date':
    case 'instant':
      return ['on', 'before', 'after', 'today', 'last', 'next', 'empty', 'filled'];
    case 'bool':
      return ['yes', 'no', 'empty'];
    case 'choice':
      return ['any', 'none', 'empty', 'filled'];
    case 'multi':
      return ['any', 'none', 'empty', 'filled'];
    case 'ref':
      return field.to === 'core.user' ? ['me', 'any', 'none', 'empty', 'filled'] : ['any', 'none', 'empty', 'filled'];
    case 'refs':
      return ['any', 'none', 'empty', 'filled'];
    default:
      return [];
  }
}

/** A CEL string literal. */
export function celString(value: string): string {
  // JSON's escapes of a string are all CEL's too.
  return JSON.stringify(value);
}

const digits = /^-?\d+$/;
const number = /^-?\d+(\.\d+)?$/;
const day = /^\d{4}-\d{2}-\d{2}$/;

/** Whether all is there that the condition needs. */
export function isComplete(entity: Entity, { field: name, op, value }: Condition): boolean {
  return celOf(entity, { field: name, op, value }) !== undefined;
}

/** The condition in CEL; undefined where it is not complete, or no condition for this entity. */
export function celOf(entity: Entity, { field: name, op, value }: Condition): string | undefined {
  const field = fieldOf(entity, name);
  if (!field || !operatorsOf(entity, field).includes(op)) return undefined;
  const left = `record.${name}`;
  const [first = ''] = value;
  switch (op) {
    case 'empty':
      return `${left} == null`;
    case 'filled':
      return `${left} != null`;
    case 'me':
      return `${left} == user.id`;
    case 'yes':
      return `${left} == true`;
    case 'no':
      return `${left} == false`;
  }
  if (field.type === 'text' && !isState(field)) {
    if (first === '') return undefined;
    const text = celString(first);
    if (op === 'contains') return `${left}.contains(${text})`;
    if (op === 'lacks') return `(${left} == null || !${left}.contains(${text}))`;
    if (op === 'starts') return `${left}.startsWith(${text})`;
    return `${left} ${op === 'isnt' ? '!=' : '=='} ${text}`;
  }
  if (field.type === 'int' || field.type === 'decimal' || field.type === 'money') {
    if (!(field.type === 'int' ? digits : number).test(first)) return undefined;
    const sign = { is: '==', isnt: '!=', more: '>', least: '>=', less: '<', most: '<=' }[op as 'is' | 'isnt' | 'more' | 'least' | 'less' | 'most'];
    return `${left} ${sign} ${field.type === 'int' ? first : `decimal("${first}")`}`;
  }
  if (field.type === 'date' || field.type === 'instant') return celOfTime(left, field.type === 'instant', op, first);
  // What is left takes values of the field: options, states or ids.
  const literals = value.filter((one) => (field.type === 'ref' || field.type === 'refs' ? /^\d+$/.test(one) : one !== '')).map((one) => (field.type === 'ref' || field.type === 'refs' ? one : celString(one)));
  if (literals.length === 0) return undefined;
  const listed = field.type === 'multi' || field.type === 'refs';
  const all = literals.map((one) => (listed ? `${one} in ${left}` : `${left} == ${one}`));
  const among = listed ? (all.length > 1 ? `(${all.join(' || ')})` : all[0]!) : literals.length > 1 ? `${left} in [${literals.join(', ')}]` : all[0]!;
  return op === 'any' ? among : `(${left} == null || !(${among}))`;
}

function celOfTime(left: string, instant: boolean, op: Operator, first: string): string | undefined {
  const at = (expression: string) => (instant ? `timestamp(${expression})` : expression);
  if (op === 'today') return instant ? `${left} >= ${at('today()')} && ${left} < ${at('today() + 1')}` : `${left} == today()`;
  if (op === 'last' || op === 'next') {
    if (!/^\d{1,4}$/.test(first)) return undefined;
    if (op === 'last') return `${left} >= ${at(`today() - ${first}`)} && ${left} <= ${instant ? 'now()' : 'today()'}`;
    return `${left} >= ${instant ? 'now()' : 'today()'} && ${left} ${instant ? `< ${at(`today() + ${Number(first) + 1}`)}` : `<= today() + ${first}`}`;
  }
  if (!day.test(first)) return undefined;
  const said = `date("${first}")`;
  if (op === 'before') return `${left} < ${at(said)}`;
  if (op === 'after') return instant ? `${left} >= ${at(`${said} + 1`)}` : `${left} > ${said}`;
  return instant ? `${left} >= ${at(said)} && ${left} < ${at(`${said} + 1`)}` : `${left} == ${said}`;
}

/** Conditions in CEL, all of which must hold, or any; undefined where there is none. */
export function celOfAll(entity: Entity, conditions: readonly Condition[], any: boolean): string | undefined {
  const parts = conditions.map((one) => celOf(entity, one)).filter((one) => one !== undefined);
  if (parts.length === 0) return undefined;
  return parts.length === 1 ? parts[0] : parts.map((one) => `(${one})`).join(any ? ' || ' : ' && ');
}

/** Conditions from text of the address or of a stored view; what makes no sense is left out. */
export function parseConditions(text: string | null): Condition[] {
  if (!text) return [];
  try {
    return conditionsFrom(JSON.parse(text));
  } catch {
    return [];
  }
}

export function conditionsFrom(found: unknown): Condition[] {
  if (!Array.isArray(found)) return [];
  return found.flatMap((one): Condition[] => {
    const [field, op, ...value] = Array.isArray(one) ? (one as unknown[]) : [];
    const sound = typeof field === 'string' && /^[A-Za-z_]\w*$/.test(field) && typeof op === 'string' && Object.hasOwn(operators, op) && value.every((part) => typeof part === 'string');
    return sound ? [{ field, op: op as Operator, value: value as string[] }] : [];
  });
}

/** The same as text, for the address. */
export const printConditions = (conditions: readonly Condition[]): string => JSON.stringify(conditions.map(({ field, op, value }) => [field, op, ...value]));
