import { useQuery } from '@tanstack/react-query';
import { Skeleton } from 'antd';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import { LoadError } from '../components/load_state';
import { useApi } from '../services';
import { FindingList } from './parts';

/** What the checks find in a definition as it is in use. */
export default function Standing({ kind, name }: { kind: string; name: string }) {
  const { t } = useTranslation();
  const api = useApi();
  const navigate = useNavigate();
  const check = useQuery({ queryKey: ['definitions', 'standing'], queryFn: ({ signal }) => api.post('/admin/config/check', { documents: [] }, { signal }), staleTime: 60_000 });
  if (check.isPending) return <Skeleton active className="skeleton" paragraph={{ rows: 2 }} />;
  if (check.isError) return <LoadError error={check.error} onRetry={() => void check.refetch()} />;
  const found = check.data.findings.filter((one) => one.kind === kind && one.name === name);
  if (found.length === 0) return <p className="check-state">{t('workflow.noFindings')}</p>;
  return <FindingList findings={found} here={() => false} onGo={(one) => void navigate(`/admin/configuration?kind=${encodeURIComponent(one.kind!)}&name=${encodeURIComponent(one.name!)}`)} />;
}
