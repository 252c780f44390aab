import { useQueryClient, type QueryClient } from '@tanstack/react-query';
import { createContext, use, useEffect, useMemo, useRef, useState, type ReactNode } from 'react';

/** What a page shows: all of an entity, or one record of it. */
type Watched = string;

interface Live {
  add: (watched: Watched) => void;
  remove: (watched: Watched) => void;
}

const LiveContext = createContext<Live | null>(null);

/** Longest wait before a connection that was refused is tried again, in milliseconds. */
const longestWait = 60_000;

/** As many as the server watches on one connection. */
const mostWatched = 20;

/** A page may show more than that: its own record goes before the lists beside it. */
export const chosen = (watched: readonly string[]): string[] =>
  [...watched].sort((a, b) => Number(b.includes('/')) - Number(a.includes('/')) || (a < b ? -1 : 1)).slice(0, mostWatched);

interface Told {
  entity: string;
  id?: string;
}

function parse(text: string): Told | undefined {
  try {
    const told = JSON.parse(text) as Partial<Told>;
    return typeof told.entity === 'string' ? { entity: told.entity, ...(typeof told.id === 'string' ? { id: told.id } : {}) } : undefined;
  } catch {
    return undefined;
  }
}

/** Loads again what shows the entity, and the record where one is named. */
function refresh(queries: QueryClient, { entity, id }: Told): void {
  void queries.invalidateQueries({ queryKey: ['list', entity] });
  if (entity === 'core.notice') void queries.invalidateQueries({ queryKey: ['approvals'] });
  if (entity === 'core.task') void queries.invalidateQueries({ queryKey: ['tasks'] });
  const kinds = ['record', 'transitions', 'timeline', 'clocks', 'assignments', 'attachments', 'tasks'];
  void queries.invalidateQueries({ predicate: ({ queryKey: [kind, of, which] }) => kinds.includes(String(kind)) && of === entity && (id === undefined || which === id) });
}

/**
 * One connection on which the server tells what has changed (server-sent events) for everything that the page shows. What
 * was told while it was interrupted is lost, so after it is there again everything watched loads anew.
 */
export function LiveProvider({ children }: { children: ReactNode }) {
  const queries = useQueryClient();
  const counts = useRef(new Map<Watched, number>());
  const [watching, setWatching] = useState('');
  const live = useMemo<Live>(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const changed = (watched: Watched, by: number) => {
      const count = (counts.current.get(watched) ?? 0) + by;
      if (count > 0) counts.current.set(watched, count);
      else counts.current.delete(watched);
      clearTimeout(timer);
      timer = setTimeout(() => setWatching(chosen([...counts.current.keys()]).join(',')), 100);
    };
    return { add: (watched) => changed(watched, 1), remove: (watched) => changed(watched, -1) };
  }, []);

  useEffect(() => {
    // A test's browser may have none.
    if (typeof EventSource === 'undefined') return undefined;
    let source: EventSource | undefined;
    let again: ReturnType<typeof setTimeout> | undefined;
    let wait = 2000;
    let greeted = false;
    const told = (event: MessageEvent<string>) => {
      const what = parse(event.data);
      if (what) refresh(queries, what);
    };
    const connect = () => {
      source = new EventSource(`/api/v1/events${watching ? `?watch=${encodeURIComponent(watching)}` : ''}`);
      source.addEventListener('hello', () => {
        wait = 2000;
        if (greeted) {
          for (const watched of watching.split(',')) {
            const [entity, id] = watched.split('/');
            if (entity) refresh(queries, { entity, ...(id ? { id } : {}) });
          }
          refresh(queries, { entity: 'core.notice' });
        }
        greeted = true;
      });
      source.addEventListener('record', told);
      source.addEventListener('many', told);
      source.addEventListener('bye', () => {
        source?.close();
        void queries.invalidateQueries({ queryKey: ['me'] });
        // Whoever signs in again above his work goes on as before.
        again = setTimeout(connect, wait);
        wait = Math.min(wait * 2, longestWait);
      });
      source.addEventListener('error', () => {
        // The browser tries again by itself after an interruption, not after a refusal.
        if (source?.readyState !== EventSource.CLOSED) return;
        again = setTimeout(connect, wait);
        wait = Math.min(wait * 2, longestWait);
      });
    };
    connect();
    return () => {
      clearTimeout(again);
      source?.close();
    };
  }, [watching, queries]);

  return <LiveContext value={live}>{children}</LiveContext>;
}

/** While the component is there, changes of the entity (or of one record) by others show by themselves. */
export function useWatch(entity: string, id?: string): void {
  const live = use(LiveContext);
  const watched = id === undefined ? entity : `${entity}/${id}`;
  useEffect(() => {
    if (!live) return undefined;
    live.add(watched);
    return () => live.remove(watched);
  }, [live, watched]);
}
