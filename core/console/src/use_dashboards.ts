import { useQuery } from '@tanstack/react-query';
import { useApi, useLanguage } from './services';
import { useSession } from './session';

/** The dashboards that the user may see. */
export function useDashboards() {
  const api = useApi();
  const { language } = useLanguage();
  const { model } = useSession();
  return useQuery({ queryKey: ['dashboards', language, model.hash], queryFn: ({ signal }) => api.get('/dashboards', { signal }), staleTime: 300_000 });
}
