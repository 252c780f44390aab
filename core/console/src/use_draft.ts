import { useCallback, useEffect, useRef, useState } from 'react';
import type { Draft, Entity } from './api/types';
import type { Input } from './form_values';
import { useApi } from './services';
import { useSteady } from './steady';

const pause = 300; // milliseconds without a change before the server is asked

interface Subject {
  id?: string | undefined;
  transition?: string | undefined;
}

/**
 * What the server says of a form while it is filled in: conditions, offered options, computed values, probable duplicates.
 * `changed` asks anew after a pause; the last answer wins, the one before stays until it comes. `settled` is what holds of
 * the values as they are now; until `ready`, nothing is known yet. Entities that have nothing to ask are never asked about.
 */
export function useDraft(entity: Entity, { id, transition }: Subject, values: () => Input) {
  const api = useApi();
  const [draft, setDraft] = useState<Draft>();
  const [ready, setReady] = useState(!entity.live);
  const state = useRef<{ timer?: ReturnType<typeof setTimeout> | undefined; running?: Promise<Draft | undefined> | undefined; abort?: AbortController | undefined; last?: Draft | undefined }>({});
  const read = useRef(values);
  useEffect(() => {
    read.current = values;
  });

  const ask = useCallback((): Promise<Draft | undefined> => {
    const now = state.current;
    clearTimeout(now.timer);
    now.timer = undefined;
    now.abort?.abort();
    const abort = new AbortController();
    now.abort = abort;
    const body = { ...(id === undefined ? {} : { id }), ...(transition === undefined ? {} : { transition }), values: read.current() };
    const running = api.post('/records/{entity}/draft', body, { path: { entity: entity.name }, signal: abort.signal }).then(
      (answer) => {
        if (now.abort === abort) {
          now.last = answer;
          setDraft(answer);
        }
        return now.last;
      },
      // The form works without: what is refused is said when it is sent.
      () => now.last,
    );
    now.running = running;
    void running.then(() => {
      if (now.running !== running) return;
      now.running = undefined;
      setReady(true);
    });
    return running;
  }, [api, entity.name, id, transition]);

  const changed = useCallback(() => {
    if (!entity.live) return;
    clearTimeout(state.current.timer);
    state.current.timer = setTimeout(() => void ask(), pause);
  }, [ask, entity.live]);

  const settled = useCallback(async (): Promise<Draft | undefined> => {
    if (!entity.live) return undefined;
    return state.current.timer === undefined ? (state.current.running ?? state.current.last) : ask();
  }, [ask, entity.live]);

  useEffect(() => {
    const now = state.current;
    if (entity.live) void ask();
    return () => {
      clearTimeout(now.timer);
      now.timer = undefined;
      now.abort?.abort();
    };
  }, [ask, entity.live]);

  return { draft: useSteady(draft), ready, changed, settled };
}

/** The input without fields that are not shown, which nobody could have meant to set. */
export function shownInput(draft: Draft | undefined, input: Input): Input {
  if (!draft) return input;
  const hidden = (name: string) => draft.fields[name]?.visible === false;
  return Object.fromEntries(Object.entries(input).filter(([name]) => !hidden(name) && !(name.endsWith('_currency') && hidden(name.slice(0, -'_currency'.length)))));
}
