import { useInfiniteQuery } from '@tanstack/react-query';
import { Button, Empty, Skeleton, Tabs } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ApprovalItem } from '../components/approvals';
import { LoadError } from '../components/load_state';
import { PageHead } from '../components/page_head';
import { useApi, useLanguage } from '../services';
import { useSession } from '../session';
import { useTitle } from '../use_title';

type Box = 'waiting' | 'asked' | 'all';

/** What waits for the user's decision, and what he asked for. */
export default function ApprovalsPage() {
  const { t } = useTranslation();
  const { model, user } = useSession();
  const [box, setBox] = useState<Box>('waiting');
  useTitle(t('approval.title'), model.agency.name);
  const boxes: Box[] = ['waiting', 'asked', ...(user.administrator ? (['all'] as const) : [])];
  return (
    <div className="page">
      <PageHead title={t('approval.title')} />
      <Tabs activeKey={box} onChange={(key) => setBox(key as Box)} items={boxes.map((key) => ({ key, label: t(`approval.box_${key}`) }))} />
      <ApprovalList key={box} box={box} />
    </div>
  );
}

function ApprovalList({ box }: { box: Box }) {
  const { t } = useTranslation();
  const { model } = useSession();
  const api = useApi();
  const { language } = useLanguage();
  const list = useInfiniteQuery({
    queryKey: ['approvals', box, language],
    queryFn: ({ pageParam, signal }) => api.get('/approvals', { query: { box, limit: 20, after: pageParam ?? undefined }, signal }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
  });
  if (list.isPending) return <Skeleton active paragraph={{ rows: 6 }} />;
  if (list.isError && !list.data) return <LoadError error={list.error} onRetry={() => void list.refetch()} />;
  const items = list.data?.pages.flatMap((page) => page.items) ?? [];
  if (items.length === 0) return <Empty description={t(box === 'waiting' ? 'day.noApprovals' : `approval.none_${box}`)} />;
  return (
    <div className="approval-list">
      {items.map((approval) => (
        <ApprovalItem key={approval.id} approval={approval} entity={model.entities[approval.entity]} linked />
      ))}
      {list.hasNextPage && (
        <Button loading={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
          {t('approval.more')}
        </Button>
      )}
    </div>
  );
}
