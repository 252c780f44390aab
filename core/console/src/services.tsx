import { createContext, use, useCallback, useEffect, useMemo, useRef, useState, type ReactNode, type RefObject } from 'react';
import { ApiClient } from './api/client';
import { switchLanguage, type Language } from './i18n';

const ApiContext = createContext<ApiClient | null>(null);

export function useApi(): ApiClient {
  const api = use(ApiContext);
  if (!api) throw new Error('useApi outside of ServicesProvider');
  return api;
}

interface LanguageState {
  language: Language;
  /** Whether the user chose a language since the page was loaded. */
  chosen: boolean;
  /** Loads a language and shows everything in it. */
  apply: (language: Language, chosen?: boolean) => Promise<void>;
}

const LanguageContext = createContext<LanguageState | null>(null);

export function useLanguage(): LanguageState {
  const state = use(LanguageContext);
  if (!state) throw new Error('useLanguage outside of ServicesProvider');
  return state;
}

const UnsavedContext = createContext<RefObject<number> | null>(null);

/** Number of forms on the page with unsaved changes. */
export function useUnsavedCount(): RefObject<number> {
  const count = use(UnsavedContext);
  if (!count) throw new Error('useUnsavedCount outside of ServicesProvider');
  return count;
}

/** Counts this component's form among the unsaved ones while `dirty`. */
export function useUnsaved(dirty: boolean): void {
  const count = useUnsavedCount();
  useEffect(() => {
    if (!dirty) return undefined;
    count.current += 1;
    const warn = (event: BeforeUnloadEvent) => count.current > 0 && event.preventDefault();
    window.addEventListener('beforeunload', warn);
    return () => {
      count.current -= 1;
      window.removeEventListener('beforeunload', warn);
    };
  }, [dirty, count]);
}

export function ServicesProvider({ api, language: first, children }: { api: ApiClient; language: Language; children: ReactNode }) {
  const [language, setLanguage] = useState(first);
  const [chosen, setChosen] = useState(false);
  const unsaved = useRef(0);
  const apply = useCallback(
    async (next: Language, byUser = false) => {
      await switchLanguage(next);
      api.locale = next;
      setLanguage(next);
      if (byUser) setChosen(true);
    },
    [api],
  );
  const state = useMemo(() => ({ language, chosen, apply }), [language, chosen, apply]);
  return (
    <ApiContext value={api}>
      <UnsavedContext value={unsaved}>
        <LanguageContext value={state}>{children}</LanguageContext>
      </UnsavedContext>
    </ApiContext>
  );
}
