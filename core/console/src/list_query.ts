import { queryOptions } from '@tanstack/react-query';
import type { ApiClient } from './api/client';
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

/** The page of a list, and `query`: what is asked for of it. */
export function pageQuery(api: ApiClient, entity: Entity, view: ViewDefinition, state: ListState, language: string) {
  const group = groupOf(entity, state);
  const order = state.sort ?? view.sort ?? undefined;
  // Rows of a group stand together; within it they keep the order that was asked for.
  const sort = group && order?.replace(/^-/, '').split(',')[0] !== group.name ? [group.name, ...(order?.split(',').slice(0, 4) ?? [])].join(',') : order;
  const names = columnsShown(entity, view, state);
  const query = {
    view: viewParameter(view), filter: listFilter(state, entity), sort, q: state.q || undefined, limit: state.size, after: state.after, count: '1' as const,
    expand: expansion(entity, group ? [...names, group.name] : names),
  };
  return {
    ...queryOptions({
      queryKey: ['list', entity.name, query, language],
      queryFn: ({ signal }) => api.get('/records/{entity}', { path: { entity: entity.name }, query, signal }),
    }),
    query,
  };
}

/** Entity and view of a list's address; undefined where there is none. */
export function listed(model: Model, name: string, params: URLSearchParams): { entity: Entity; view: ViewDefinition } | undefined {
  const entity = model.entities[name];
  const view = entity && (entity.views.find((one) => one.name === params.get('view')) ?? entity.views[0]);
  return entity && view && { entity, view };
}

/** The page of records that an address shows; undefined where it is no list, or not in rows. */
export function pageOfAddress(api: ApiClient, model: Model, { pathname, search }: { pathname: string; search: string }, language: string) {
  const [, name] = /^\/records\/([\w.]+)$/.exec(pathname) ?? [];
  const params = new URLSearchParams(search);
  const found = name === undefined ? undefined : listed(model, name, params);
  return found?.view.type === 'list' ? pageQuery(api, found.entity, found.view, parseListState(params), language) : undefined;
}
