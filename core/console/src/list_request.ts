import type { Entity, Field, Model, ViewDefinition } from './api/types';
import { listFilter, parseListState, type ListState } from './list_state';
import { expansion, fieldOf, groupable } from './model';
import { viewParameter } from './views/types';

/** Columns of the view; a name that is no field of the entity is left out. */
export function viewFields(entity: Entity, view: ViewDefinition): Field[] {
  return view.columns.map((name) => fieldOf(entity, name)).filter((field): field is Field => !!field);
}

/** Names of the fields that a list shows: those chosen, or its view's. */
export function columnsShown(entity: Entity, view: ViewDefinition, { columns }: Pick<ListState, 'columns'>): string[] {
  const own = columns?.filter((name) => fieldOf(entity, name));
  return own && own.length > 0 ? own : viewFields(entity, view).map((field) => field.name);
}

/** The field by whose values the rows stand together, where it can be one. */
export const groupOf = (entity: Entity, { group }: Pick<ListState, 'group'>): Field | undefined =>
  group !== undefined && groupable(entity).some((field) => field.name === group) ? fieldOf(entity, group) : undefined;

/** What is asked of the server for a page of the list. */
export function pageRequest(entity: Entity, view: ViewDefinition, state: ListState) {
  const group = groupOf(entity, state);
  const order = state.sort ?? view.sort ?? undefined;
  // Rows of a group stand together; within it they keep the order that was asked for.
  const sort = group && order?.replace(/^-/, '').split(',')[0] !== group.name ? [group.name, ...(order?.split(',').slice(0, 4) ?? [])].join(',') : order;
  const names = columnsShown(entity, view, state);
  return {
    view: viewParameter(view), filter: listFilter(state, entity), sort, q: state.q || undefined, limit: state.size, after: state.after, count: '1' as const,
    expand: expansion(entity, group ? [...names, group.name] : names),
  };
}

/** Entity and view of a list's address; undefined where there is none. */
export function listed(model: Model, name: string, params: URLSearchParams): { entity: Entity; view: ViewDefinition } | undefined {
  const entity = model.entities[name];
  const view = entity && (entity.views.find((one) => one.name === params.get('view')) ?? entity.views[0]);
  return entity && view && { entity, view };
}

/** What an address lists in rows; undefined where it is no list, or not in rows. */
export function listOfAddress(model: Model, { pathname, search }: { pathname: string; search: string }) {
  const [, name] = /^\/records\/([\w.]+)$/.exec(pathname) ?? [];
  const params = new URLSearchParams(search);
  const found = name === undefined ? undefined : listed(model, name, params);
  return found?.view.type === 'list' ? { ...found, state: parseListState(params) } : undefined;
}
