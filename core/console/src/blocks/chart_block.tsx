import { useQuery } from '@tanstack/react-query';
import { Empty, Segmented, Skeleton, Table } from 'antd';
import { lazy, Suspense, useMemo, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useNavigate } from 'react-router';
import type { Block, Entity } from '../api/types';
import { LoadError } from '../components/load_state';
import { fieldOf } from '../model';
import { listPath } from '../paths';
import { useApi, useLanguage } from '../services';
import { useSession } from '../session';
import { chartQuery, groupCondition, groupField, measureOf, mostGroups, points, type Point } from './chart_data';

const Drawing = lazy(() => import('./drawing'));

interface Props {
  entity: Entity;
  block: Block;
  heading: (aside?: ReactNode) => ReactNode;
}

/** Groups of an entity's records, drawn; the same as a table. */
export function ChartBlock({ entity, block, heading }: Props) {
  const { t } = useTranslation();
  const { model, locale } = useSession();
  const { language } = useLanguage();
  const api = useApi();
  const navigate = useNavigate();
  const [table, setTable] = useState(false);
  const query = chartQuery(entity, block);
  const groups = useQuery({
    queryKey: ['list', entity.name, 'groups', query, language],
    queryFn: ({ signal }) => api.get('/records/{entity}/aggregate', { path: { entity: entity.name }, query, signal }),
  });
  const data = groups.data;
  const drawn = useMemo(
    () => (data ? points(model, entity, block, data.items, locale, { none: t('chart.none'), yes: t('value.yes'), no: t('value.no') }) : []),
    [data, model, entity, block, locale, t],
  );
  const measure = block.measure ?? 'count';
  const [kind = 'count', measured] = measure.split(':');
  const measureLabel = useMeasureLabel()(kind, (measured && fieldOf(entity, measured)?.label) || '');

  /** The list of the records that a figure is made of. */
  const listOf = (group?: string) => {
    const filter = [block.filter, group].filter(Boolean);
    return `${listPath(entity.name)}${filter.length > 0 ? `?cel=${encodeURIComponent(filter.length > 1 ? filter.map((one) => `(${one})`).join(' && ') : filter[0]!)}` : ''}`;
  };
  const open = (point: Point) => {
    const condition = groupCondition(entity, block, point.key, locale.timeZone);
    if (condition) void navigate(listOf(condition));
  };
  if (groups.isError && !data) {
    return (
      <>
        {heading()}
        <LoadError error={groups.error} onRetry={() => void groups.refetch()} />
      </>
    );
  }
  if (block.chart === 'number') {
    return (
      <>
        {heading()}
        {data ? <p className="figure"><Link to={listOf()}>{measureOf(data.items[0]?.[measure], entity, measure, locale).text}</Link></p> : <Skeleton active title={false} paragraph={{ rows: 1 }} />}
        <p className="figure-note">{measured ? `${entity.plural || entity.label} · ${measureLabel}` : entity.plural || entity.label}</p>
      </>
    );
  }
  const label = block.label || entity.plural || entity.label;
  return (
    <>
      {heading(
        drawn.length > 0 && (
          <Segmented<string>
            size="small"
            aria-label={`${label}${t('value.colon')}${t('chart.show')}`}
            value={table ? 'table' : 'chart'}
            options={[
              { value: 'chart', label: t('chart.chart') },
              { value: 'table', label: t('chart.table') },
            ]}
            onChange={(value) => setTable(value === 'table')}
          />
        ),
      )}
      {!data ? (
        <Skeleton active title={false} paragraph={{ rows: 6, width: '100%' }} />
      ) : drawn.length === 0 ? (
        <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t('chart.empty')} />
      ) : table ? (
        <Table<Point>
          size="small"
          rowKey="key"
          dataSource={drawn}
          pagination={{ pageSize: 12, hideOnSinglePage: true, size: 'small' }}
          columns={[
            { key: 'label', title: groupField(entity, block)?.label ?? t('chart.group'), dataIndex: 'label' },
            {
              key: 'text',
              title: measureLabel,
              className: 'cell-number',
              render: (_, point) => {
                const condition = groupCondition(entity, block, point.key, locale.timeZone);
                return condition ? <Link to={listOf(condition)}>{point.text}</Link> : point.text;
              },
            },
          ]}
        />
      ) : (
        <Suspense fallback={<Skeleton active title={false} paragraph={{ rows: 6, width: '100%' }} />}>
          <Drawing kind={block.chart ?? 'bar'} points={drawn} label={`${label}${t('value.colon')}${drawn.slice(0, 12).map((point) => `${point.label} ${point.text}`).join(', ')}`} measure={measureLabel} onOpen={open} />
        </Suspense>
      )}
      {data?.next && <p className="muted chart-note">{t('chart.partial', { count: block.group && query.sort ? mostGroups : query.limit })}</p>}
    </>
  );
}

function useMeasureLabel(): (kind: string, label: string) => string {
  const { t } = useTranslation();
  return (kind, label) => {
    switch (kind) {
      case 'sum':
        return t('chart.of', { measure: t('chart.sum'), label });
      case 'avg':
        return t('chart.of', { measure: t('chart.avg'), label });
      case 'min':
        return t('chart.of', { measure: t('chart.min'), label });
      case 'max':
        return t('chart.of', { measure: t('chart.max'), label });
      case 'count_distinct':
        return t('chart.of', { measure: t('chart.count_distinct'), label });
      default:
        return t('chart.count');
    }
  };
}
