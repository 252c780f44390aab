import { Skeleton } from 'antd';
import { lazy, Suspense } from 'react';
import { useTranslation } from 'react-i18next';
import type { ViewProps } from './types';

const kinds = {
  board: lazy(() => import('./board')),
  calendar: lazy(() => import('./calendar')),
  timeline: lazy(() => import('./lanes')),
};

export type PlacedType = keyof typeof kinds;

export function ViewSkeleton() {
  const { t } = useTranslation();
  return (
    <div className="skeleton" role="status" aria-label={t('list.loading')}>
      <Skeleton active title={false} paragraph={{ rows: 8, width: '100%' }} />
    </div>
  );
}

/** A board, calendar or timeline; its code is fetched when it is first shown. */
export function RecordView({ type, ...props }: ViewProps & { type: PlacedType }) {
  const View = kinds[type];
  return (
    <Suspense fallback={<ViewSkeleton />}>
      <View {...props} />
    </Suspense>
  );
}
