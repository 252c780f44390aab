import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { ApiError } from '../api/client';
import { useApi, useLanguage } from '../services';
import { useSession } from '../session';
import { draftOf, edits, useDraft, type Draft } from './draft';
import { editsLayer, type DefinitionDetail } from './parts';

/** A value that has rested for so many milliseconds. */
function useRested<T>(value: T, milliseconds: number): T {
  const [rested, setRested] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setRested(value), milliseconds);
    return () => clearTimeout(timer);
  }, [value, milliseconds]);
  return rested;
}

/** All definitions in use. */
export function useDefinitions() {
  const api = useApi();
  const { language } = useLanguage();
  return useQuery({ queryKey: ['definitions', 'list', language], queryFn: ({ signal }) => api.get('/admin/config', { signal }) });
}

/** One definition; null where nothing is called so yet. */
export function useDefinition(kind: string, name: string) {
  const api = useApi();
  return useQuery({
    queryKey: ['definitions', 'one', kind, name],
    queryFn: async ({ signal }): Promise<DefinitionDetail | null> => {
      try {
        return await api.get('/admin/config/documents/{kind}/{name}', { path: { kind, name }, signal });
      } catch (error) {
        if (error instanceof ApiError && error.status === 404) return null;
        throw error;
      }
    },
  });
}

export const publishedText = (definition: DefinitionDetail | null | undefined): string => definition?.sources.find((one) => one.layer === editsLayer)?.text ?? '';

/** The draft of whoever is signed in. */
export function useOwnDraft(): Draft {
  const { user } = useSession();
  draftOf(user.id);
  return useDraft();
}

/** What is found with the draft, a moment after the last key. `pending`: it is about something earlier than what is typed. */
export function useCheck(draft: Draft) {
  const api = useApi();
  const rested = useRested(draft, 450);
  const check = useQuery({
    queryKey: ['definitions', 'check', rested],
    queryFn: ({ signal }) => api.post('/admin/config/check', { ...(rested.base ? { base: rested.base } : {}), documents: edits(rested) }, { signal }),
    placeholderData: keepPreviousData,
    staleTime: 60_000,
    gcTime: 60_000,
  });
  return { check, pending: rested !== draft || check.isFetching };
}

/** The language of definitions, once. */
export function useDefinitionSchema() {
  const api = useApi();
  return useQuery({ queryKey: ['definition-schema'], queryFn: ({ signal }) => api.get('/admin/config/schema', { signal }), staleTime: Infinity });
}
