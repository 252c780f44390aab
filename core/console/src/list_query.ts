import { queryOptions } from '@tanstack/react-query';
import type { ApiClient } from './api/client';
import type { Entity, Model, ViewDefinition } from './api/types';
import { listOfAddress, pageRequest } from './list_request';
import type { ListState } from './list_state';

/** The page of a list, and `query`: what is asked for of it. */
export function pageQuery(api: ApiClient, entity: Entity, view: ViewDefinition, state: ListState, language: string) {
  const query = pageRequest(entity, view, state);
  return {
    ...queryOptions({
      queryKey: ['list', entity.name, query, language],
      queryFn: ({ signal }) => api.get('/records/{entity}', { path: { entity: entity.name }, query, signal }),
    }),
    query,
  };
}

/** The page of records that an address shows; undefined where it is no list, or not in rows. */
export function pageOfAddress(api: ApiClient, model: Model, address: { pathname: string; search: string }, language: string) {
  const found = listOfAddress(model, address);
  return found && pageQuery(api, found.entity, found.view, found.state, language);
}
