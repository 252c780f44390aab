import LoadingOutlined from '@ant-design/icons/es/icons/LoadingOutlined';
import { QueryClient, QueryClientProvider, useQueryClient } from '@tanstack/react-query';
import { App as AntdApp, ConfigProvider } from 'antd';
import { useEffect, useMemo, useState, type ReactNode } from 'react';
import { flushSync } from 'react-dom';
import { createBrowserRouter, createMemoryRouter, Outlet, RouterProvider, useLocation, type RouteObject } from 'react-router';
import { ApiClient, ApiError } from './api/client';
import { useDark } from './appearance';
import { FullPageSpin } from './components/load_state';
import { antdLocale, type Language } from './i18n';
import { pageOfAddress } from './list_query';
import { ServicesProvider, useApi, useLanguage } from './services';
import { RequireAdministrator, RequireSession, useSession } from './session';
import CrashPage from './pages/crash';
import { themeFor } from './theme';

/** A page is fetched when it is first gone to. */
const page = (load: () => Promise<{ default: React.ComponentType }>) => async () => ({ Component: (await load()).default });

/** The same for administrators alone; for others nothing of it runs. */
const adminPage = (load: () => Promise<{ default: React.ComponentType }>) => async () => {
  const Page = (await load()).default;
  return { Component: () => <RequireAdministrator><Page /></RequireAdministrator> };
};

/** The first records of the list that is gone to are asked for before everything around them is drawn. */
function Ahead({ children }: { children: ReactNode }) {
  const api = useApi();
  const queries = useQueryClient();
  const { model } = useSession();
  const { language } = useLanguage();
  const page = pageOfAddress(api, model, useLocation(), language);
  if (page && !queries.getQueryState(page.queryKey)) void queries.prefetchQuery(page);
  return children;
}

const routes: RouteObject[] = [
  {
    element: <Outlet />,
    errorElement: <CrashPage />,
    hydrateFallbackElement: <FullPageSpin />,
    children: [
      { path: '/login', lazy: page(() => import('./pages/login')) },
      { path: '/logout', lazy: page(() => import('./pages/logout')) },
      {
        path: '/',
        lazy: async () => {
          const Shell = (await import('./layout/shell')).default;
          return { Component: () => <RequireSession><Ahead><Shell /></Ahead></RequireSession> };
        },
        children: [
          {
            errorElement: <CrashPage />,
            children: [
              { index: true, lazy: page(() => import('./pages/home')) },
              { path: 'records/:entity', lazy: page(() => import('./pages/list')) },
              { path: 'records/:entity/new', lazy: page(() => import('./pages/edit')) },
              { path: 'records/:entity/:id', lazy: page(() => import('./pages/record')) },
              { path: 'records/:entity/:id/edit', lazy: page(() => import('./pages/edit')) },
              { path: 'dashboards', lazy: page(() => import('./pages/dashboards')) },
              { path: 'approvals', lazy: page(() => import('./pages/approvals')) },
              { path: 'settings', lazy: adminPage(() => import('./pages/settings')) },
              { path: 'records/:entity/:id/print', lazy: page(() => import('./pages/print')) },
              { path: 'compare/:entity', lazy: page(() => import('./pages/compare')) },
              { path: 'duplicates', lazy: page(() => import('./pages/duplicates')) },
              { path: 'admin/search', lazy: adminPage(() => import('./admin/search')) },
              { path: 'admin/rules', lazy: adminPage(() => import('./admin/rules')) },
              { path: 'admin/workflow', lazy: adminPage(() => import('./admin/workflow')) },
              { path: 'admin/plugins', lazy: adminPage(() => import('./admin/plugins')) },
              { path: 'admin/import', lazy: adminPage(() => import('./admin/import')) },
              { path: 'admin/jobs', lazy: adminPage(() => import('./admin/jobs')) },
              { path: 'admin/audit', lazy: adminPage(() => import('./admin/audit')) },
              { path: 'admin/people', lazy: adminPage(() => import('./admin/people')) },
              { path: 'admin/configuration', lazy: adminPage(() => import('./admin/configuration')) },
              { path: 'handbook', lazy: page(() => import('./pages/handbook')) },
              { path: 'pages/:page', lazy: page(() => import('./pages/page')) },
              { path: '*', lazy: page(() => import('./pages/not_found')) },
            ],
          },
        ],
      },
    ],
  },
];

function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 10_000,
        // What the server refused it will refuse again; what did not arrive may arrive.
        retry: (count, error) => count < 2 && error instanceof ApiError && (error.status === 0 || error.status === 503),
        retryDelay: (count) => 500 * 2 ** count,
      },
      mutations: { retry: false },
    },
  });
}

// The icon is no part of a button's name, least of all when its animation is cut short and it stays.
const buttons = { autoInsertSpace: false, loadingIcon: <LoadingOutlined aria-hidden /> };

// A newer message replaces the one before: several at once cover the page's head.
const messages = { maxCount: 1 };

function Look({ children }: { children: ReactNode }) {
  const { language } = useLanguage();
  const dark = useDark();
  const theme = useMemo(() => themeFor(language, dark), [language, dark]);
  useEffect(() => {
    document.documentElement.dataset['theme'] = dark ? 'dark' : 'light';
  }, [dark]);
  return (
    <ConfigProvider locale={antdLocale(language)} theme={theme} button={buttons}>
      <AntdApp className="app" message={messages}>{children}</AntdApp>
    </ConfigProvider>
  );
}

export type Router = ReturnType<typeof createBrowserRouter>;

/** A router over the browser's address, or over a memory that begins at `path`. */
export function createRouter(path?: string): Router {
  return path === undefined ? createBrowserRouter(routes) : createMemoryRouter(routes, { initialEntries: [path] });
}

/** The console, beginning in `language`, which must be loaded. */
export function Console({ language, router }: { language: Language; router: Router }) {
  const [api] = useState(() => {
    const client = new ApiClient();
    client.locale = language;
    return client;
  });
  const [queries] = useState(createQueryClient);
  return (
    <QueryClientProvider client={queries}>
      <ServicesProvider api={api} language={language}>
        <Look>
          <RouterProvider router={router} flushSync={(change) => void flushSync(change)} />
        </Look>
      </ServicesProvider>
    </QueryClientProvider>
  );
}
