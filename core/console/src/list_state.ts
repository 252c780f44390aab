import type { Entity } from './api/types';
import { celOfAll, celString, parseConditions, printConditions, type Condition } from './filter';

/** What a list shows, and its form in the address, so that a list can be bookmarked, shared and gone back to. */
export interface ListState {
  view: string | undefined;
  q: string;
  states: string[];
  /** Chosen options by field name. */
  choices: Record<string, string[]>;
  /** Conditions that were put together, and whether one of them is enough. */
  where: Condition[];
  any: boolean;
  /** A condition in CEL that the address brought: the way from a figure to its records. */
  cel: string | undefined;
  /** Fields shown; undefined: the view's. */
  columns: string[] | undefined;
  /** Field by whose values the rows stand together. */
  group: string | undefined;
  /** Id of the saved view that this came from. */
  saved: string | undefined;
  /** `name` or `-name`; undefined: the view's own order. */
  sort: string | undefined;
  size: number;
  /** Cursor of the page before; undefined on the first page. */
  after: string | undefined;
  page: number;
}

export const pageSizes = [20, 50, 100] as const;
const defaultSize = 50;
const choicePrefix = 'f.';

export function parseListState(params: URLSearchParams): ListState {
  const size = Number(params.get('size'));
  const after = params.get('after') || undefined;
  const page = Number(params.get('page'));
  const choices: Record<string, string[]> = {};
  for (const [key, value] of params) {
    const field = key.startsWith(choicePrefix) ? key.slice(choicePrefix.length) : '';
    if (isName(field)) {
      const names = value.split(',').filter(isName);
      if (names.length > 0) choices[field] = names;
    }
  }
  return {
    view: params.get('view') || undefined,
    q: params.get('q') ?? '',
    states: (params.get('state') ?? '').split(',').filter(isName),
    choices,
    where: parseConditions(params.get('where')),
    any: params.get('any') === '1',
    cel: params.get('cel') || undefined,
    columns: namesOf(params.get('columns')),
    group: namesOf(params.get('group'))?.[0],
    saved: /^\d{1,20}$/.test(params.get('saved') ?? '') ? (params.get('saved') ?? undefined) : undefined,
    sort: /^-?\w+$/.test(params.get('sort') ?? '') ? (params.get('sort') ?? undefined) : undefined,
    size: (pageSizes as readonly number[]).includes(size) ? size : defaultSize,
    after,
    page: after && Number.isSafeInteger(page) && page > 1 ? page : after ? 2 : 1,
  };
}

export function listParams(state: ListState): URLSearchParams {
  const params = new URLSearchParams();
  if (state.view) params.set('view', state.view);
  if (state.q) params.set('q', state.q);
  if (state.states.length > 0) params.set('state', state.states.join(','));
  for (const [field, names] of Object.entries(state.choices)) {
    if (names.length > 0) params.set(choicePrefix + field, names.join(','));
  }
  if (state.where.length > 0) params.set('where', printConditions(state.where));
  if (state.any) params.set('any', '1');
  if (state.cel) params.set('cel', state.cel);
  if (state.columns) params.set('columns', state.columns.join(','));
  if (state.group) params.set('group', state.group);
  if (state.saved) params.set('saved', state.saved);
  if (state.sort) params.set('sort', state.sort);
  if (state.size !== defaultSize) params.set('size', String(state.size));
  if (state.after) {
    params.set('after', state.after);
    params.set('page', String(state.page));
  }
  return params;
}

/** A change of what is listed begins on the first page again. */
export function withChange(state: ListState, change: Partial<ListState>): ListState {
  return { ...state, after: undefined, page: 1, ...change };
}

/** The filter in CEL, undefined where nothing is filtered. */
export function listFilter(state: Pick<ListState, 'states' | 'choices' | 'where' | 'any' | 'cel'>, entity: Entity): string | undefined {
  const isList = (name: string) => entity.fields.find((field) => field.name === name)?.type === 'multi';
  const built = celOfAll(entity, state.where, state.any);
  const parts = [
    anyOf('state', state.states),
    ...Object.entries(state.choices).map(([field, names]) => anyOf(field, names, isList(field))),
    built,
    state.cel,
  ].filter((part) => part !== undefined && part !== '');
  if (parts.length < 2) return parts[0];
  return parts.map((part) => (part === built || part === state.cel ? `(${part})` : part)).join(' && ');
}

function anyOf(field: string, names: string[], list = false): string {
  if (names.length === 0) return '';
  const text = names.map((name) => (list ? `${celString(name)} in record.${field}` : `record.${field} == ${celString(name)}`)).join(' || ');
  return names.length > 1 ? `(${text})` : text;
}

function namesOf(text: string | null): string[] | undefined {
  const names = [...new Set((text ?? '').split(',').filter(isName))];
  return names.length > 0 ? names : undefined;
}

function isName(value: string): boolean {
  return /^[A-Za-z_]\w*$/.test(value);
}
