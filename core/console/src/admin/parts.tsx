import { useInfiniteQuery } from '@tanstack/react-query';
import { App, Button, Empty, Skeleton, Table, Tag, type TableColumnsType, type TableProps } from 'antd';
import { useCallback, useMemo, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { ApiError } from '../api/client';
import { LoadError } from '../components/load_state';
import { PageHead } from '../components/page_head';
import { formatInstant } from '../format';
import { recordPagePath } from '../paths';
import { useLanguage } from '../services';
import { useSession } from '../session';
import { useErrorText } from '../use_error_text';
import { useTitle } from '../use_title';

/** A page of the administration; its route lets only administrators through. */
export function AdminPage({ title, actions, children }: { title: string; actions?: ReactNode; children: ReactNode }) {
  const { model } = useSession();
  useTitle(title, model.agency.name);
  return (
    <div className="page">
      <PageHead title={title} actions={actions} />
      {children}
    </div>
  );
}

/** A moment in the agency's zone; "—" where there is none. */
export function At({ time, seconds }: { time: string | null | undefined; seconds?: boolean }) {
  const { t } = useTranslation();
  const { locale } = useSession();
  return time ? <time dateTime={time} className="number nowrap">{formatInstant(time, locale.locale, locale.timeZone, seconds)}</time> : <span className="muted">{t('value.empty')}</span>;
}

/** What an entity is called, with its name below where that helps. */
export function EntityName({ name }: { name: string | null | undefined }) {
  const { t } = useTranslation();
  const { model } = useSession();
  if (!name) return <span className="muted">{t('value.empty')}</span>;
  return <span title={name}>{model.entities[name]?.label ?? name}</span>;
}

/** A record by its entity and id; leads there where the user may see such records. */
export function RecordLink({ entity, id }: { entity: string | null | undefined; id: string | null | undefined }) {
  const { t } = useTranslation();
  const { model } = useSession();
  if (!entity || !id) return <span className="muted">{t('value.empty')}</span>;
  const known = model.entities[entity];
  const text = `${known?.label ?? entity} #${id}`;
  return known ? <Link to={recordPagePath(entity, id)}>{text}</Link> : <>{text}</>;
}

export function Outcome({ value }: { value: 'done' | 'skipped' | 'failed' }) {
  const { t } = useTranslation();
  return <Tag className={`tag-${value}`}>{t(`rules.outcome_${value}`)}</Tag>;
}

interface PagedProps<T> {
  /** Of the query; what it shows depends on nothing else. */
  queryKey: readonly unknown[];
  load: (after: string | undefined, signal: AbortSignal) => Promise<{ items: T[]; next: string | null }>;
  columns: TableColumnsType<T>;
  rowKey: string;
  empty: string;
  label: string;
  expandable?: TableProps<T>['expandable'];
  refetchInterval?: number;
}

/** A table that is loaded page by page. */
export function Paged<T extends object>({ queryKey, load, columns, rowKey, empty, label, expandable, refetchInterval }: PagedProps<T>) {
  const { t } = useTranslation();
  const { language } = useLanguage();
  const list = useInfiniteQuery({
    queryKey: [...queryKey, language],
    queryFn: ({ pageParam, signal }) => load(pageParam ?? undefined, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
    refetchInterval: refetchInterval ?? false,
  });
  const items = useMemo(() => list.data?.pages.flatMap((page) => page.items) ?? [], [list.data]);
  if (list.isPending) return <Skeleton active className="skeleton" title={false} paragraph={{ rows: 6, width: '100%' }} />;
  if (list.isError && !list.data) return <LoadError error={list.error} onRetry={() => void list.refetch()} />;
  return (
    <>
      <Table<T>
        size="small"
        className="plain-rows"
        aria-label={label}
        rowKey={rowKey}
        columns={columns}
        dataSource={items}
        pagination={false}
        scroll={{ x: 'max-content' }}
        {...(expandable ? { expandable } : {})}
        locale={{ emptyText: <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={empty} /> }}
      />
      {list.hasNextPage && (
        <div className="more">
          <Button loading={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
            {t('approval.more')}
          </Button>
        </div>
      )}
    </>
  );
}

/** Runs what a button does and says how it went; a refusal is told in the server's words. */
export function useAct(): (work: () => Promise<unknown>, done: string) => Promise<boolean> {
  const { message } = App.useApp();
  const errorText = useErrorText();
  return useCallback(
    async (work, done) => {
      try {
        await work();
        void message.success(done);
        return true;
      } catch (error) {
        if (!(error instanceof ApiError && error.status === 401)) void message.error(errorText(error), 6);
        return false;
      }
    },
    [message, errorText],
  );
}
