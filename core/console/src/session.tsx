import { keepPreviousData, useMutation, useQuery, useQueryClient, type QueryClient } from '@tanstack/react-query';
import { createContext, use, useEffect, useMemo, useRef, type ReactNode } from 'react';
import { Navigate, useLocation } from 'react-router';
import { ApiError } from './api/client';
import type { Model, User } from './api/types';
import { FullPageSpin, LoadError } from './components/load_state';
import { SignInAgain } from './components/sign_in';
import type { Locale } from './format';
import { languageFor, type Language } from './i18n';
import { useApi, useLanguage, useUnsavedCount } from './services';

interface Session {
  user: User;
  model: Model;
  /** How values are shown to this user. */
  locale: Locale;
}

const SessionContext = createContext<Session | null>(null);

/** The signed-in user and what the server lets him see. Only below RequireSession. */
export function useSession(): Session {
  const session = use(SessionContext);
  if (!session) throw new Error('useSession outside of RequireSession');
  return session;
}

const meKey = ['me'];

/** Who is signed in; null where nobody is. */
export function useMe() {
  const api = useApi();
  return useQuery({
    queryKey: meKey,
    queryFn: async (): Promise<User | null> => {
      try {
        return await api.me();
      } catch (error) {
        if (error instanceof ApiError && error.status === 401) return null;
        throw error;
      }
    },
    staleTime: Infinity,
  });
}

/** Whose data is in memory. */
const owners = new WeakMap<QueryClient, string>();

export function setUser(queries: QueryClient, user: User | null): void {
  const before = queries.getQueryData<User | null>(meKey);
  if (before) owners.set(queries, before.id);
  queries.setQueryData(meKey, user);
}

/** Signs in; on success nothing of an earlier user is left in memory. */
export function useSignIn() {
  const api = useApi();
  const queries = useQueryClient();
  const { language, chosen } = useLanguage();
  return useMutation({
    mutationFn: async (input: { username: string; password: string }): Promise<User> => {
      const { user, csrf } = await api.post('/session', input);
      const signedIn = { ...user, csrf };
      api.remember(signedIn);
      if (!chosen || languageFor(user.locale) === language) return signedIn;
      // A language picked on the sign-in page is the user's from now on; failing to keep it is no reason to fail here.
      await api.patch('/me', { locale: language }).catch(() => undefined);
      return { ...signedIn, locale: language };
    },
    onSuccess: (user) => {
      // Who signs in again above his work finds it as it was.
      const owner = queries.getQueryData<User | null>(meKey)?.id ?? owners.get(queries);
      if (owner !== user.id) queries.removeQueries({ predicate: (query) => query.queryKey[0] !== meKey[0] });
      setUser(queries, user);
    },
  });
}

/** Changes the language for this browser and, where somebody is signed in, for the user. */
export function useChangeLanguage() {
  const api = useApi();
  const queries = useQueryClient();
  const { apply } = useLanguage();
  return async (language: Language) => {
    await apply(language, true);
    const user = queries.getQueryData<User | null>(meKey);
    if (!user) return;
    setUser(queries, { ...user, locale: language });
    await api.patch('/me', { locale: language });
  };
}

/** Shows its children to a signed-in user; sends others to the sign-in page, which returns here. */
export function RequireSession({ children }: { children: ReactNode }) {
  const me = useMe();
  const location = useLocation();
  const queries = useQueryClient();
  const api = useApi();
  const { language, apply } = useLanguage();
  const unsaved = useUnsavedCount();
  const last = useRef<User | null>(null);
  if (me.data) last.current = me.data;

  useEffect(() => {
    api.onUnauthenticated = () => setUser(queries, null);
    return () => {
      api.onUnauthenticated = undefined;
    };
  }, [api, queries]);

  const own = me.data?.locale;
  const userId = me.data?.id;
  useEffect(() => {
    const wanted = languageFor(own);
    if (wanted && userId) void apply(wanted);
    // Only when the user or his language changes, not when the page's language does.
  }, [own, userId, apply]);

  const user = me.data ?? last.current;
  // With unsaved work on the page a new sign-in happens above it.
  const over = me.data === null && last.current !== null && unsaved.current > 0;
  const model = useQuery({
    queryKey: ['model', user?.id, language],
    queryFn: ({ signal }) => api.get('/model', { query: { locale: language }, signal }),
    enabled: !!me.data,
    placeholderData: keepPreviousData,
    staleTime: 60_000,
  });
  const data = model.data;
  const session = useMemo(
    () => user && data && { user, model: data, locale: { locale: language, timeZone: data.agency.time_zone, currency: data.agency.currency } },
    [user, data, language],
  );

  if (me.isPending) return <FullPageSpin />;
  // What fails later, with somebody known, takes nothing off the screen.
  if (me.isError && me.data === undefined) return <LoadError error={me.error} onRetry={() => void me.refetch()} />;
  if (me.data === null && !over) {
    const here = location.pathname + location.search;
    const to = here === '/' ? '/login' : `/login?next=${encodeURIComponent(here)}`;
    return <Navigate to={to} replace state={{ expired: last.current !== null }} />;
  }
  if (!session) {
    return model.isError ? <LoadError error={model.error} onRetry={() => void model.refetch()} /> : <FullPageSpin />;
  }
  return (
    <SessionContext value={session}>
      {children}
      {over && <SignInAgain user={session.user} />}
    </SessionContext>
  );
}

/** Shows its children to administrators, and to others that it is not for them. */
export function RequireAdministrator({ children }: { children: ReactNode }) {
  const { user } = useSession();
  return user.administrator ? children : <LoadError error={new ApiError(403, {})} onRetry={() => undefined} />;
}
