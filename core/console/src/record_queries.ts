import { queryOptions, useQuery, useQueryClient } from '@tanstack/react-query';
import { useCallback } from 'react';
import { ApiError, type ApiClient } from './api/client';
import type { Entity, RecordData } from './api/types';
import { expansion, pointsTo, type Referring } from './model';
import { useApi } from './services';

export const recordKey = (entity: string, id: string) => ['record', entity, id] as const;

export function fetchRecord(api: ApiClient, entity: Entity, id: string, signal?: AbortSignal): Promise<RecordData> {
  return api.get('/records/{entity}/{id}', {
    path: { entity: entity.name, id },
    query: { expand: expansion(entity) },
    ...(signal ? { signal } : {}),
  });
}

/** The record of an address; `entity`: none where the model has no such type. */
export function useRecord(entity: Entity | undefined, name: string, id: string) {
  const api = useApi();
  return useQuery({
    queryKey: recordKey(name, id),
    queryFn: ({ signal }) => (entity ? fetchRecord(api, entity, id, signal) : Promise.reject(new ApiError(404, {}))),
    enabled: !!entity,
  });
}

/** As many parts as a document lists. */
const mostParts = 200;

/** The records that point to one, in the order in which they were made. */
export const partsQuery = (api: ApiClient, { entity, field }: Referring, id: string, language: string) =>
  queryOptions({
    queryKey: ['list', entity.name, 'parts', field.name, id, language],
    queryFn: ({ signal }) => api.get('/records/{entity}', { path: { entity: entity.name }, query: { filter: pointsTo(field, id), sort: 'id', limit: mostParts, expand: expansion(entity) }, signal }),
  });

/** Lets everything that may show the record or lists with it load again. */
export function useRecordChanged(): (entity: string, id?: string) => Promise<void> {
  const queries = useQueryClient();
  return useCallback(
    async (entity, id) => {
      // Effects of a step may change other entities too.
      void queries.invalidateQueries({ queryKey: ['list'] });
      void queries.invalidateQueries({ queryKey: ['options'] });
      if (id !== undefined) {
        await Promise.all(['record', 'transitions', 'timeline'].map((kind) => queries.invalidateQueries({ queryKey: [kind, entity, id] })));
      }
    },
    [queries],
  );
}
