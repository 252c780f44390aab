import { Alert, Empty, Segmented, Table } from 'antd';
import { lazy, Suspense, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { FieldValue, useValueText } from '../components/field_value';
import { LoadError } from '../components/load_state';
import { dotColor, formatDate } from '../format';
import { fieldOf, optionOf, stateOf, titleOf } from '../model';
import { recordPagePath } from '../paths';
import { useSession } from '../session';
import { addDays, addMonths, monthStart, todayIn } from './days';
import type { Bar, Lane } from './lanes_chart';
import { monthTitle, RangeBar } from './range_bar';
import { ViewSkeleton } from './record_view';
import { detailFields, isFilled, type ViewProps } from './types';
import { mostShown, useRangeRecords, type Placed } from './use_range';

const Chart = lazy(() => import('./lanes_chart'));

type Unit = 'week' | 'month' | 'quarter' | 'year';
const months = { month: 1, quarter: 3, year: 12 } as const;
const step = (from: string, unit: Unit, direction: 1 | -1) => (unit === 'week' ? addDays(from, 7 * direction) : addMonths(from, months[unit] * direction));

/** Records as bars over time, in lanes; the same as a table for who reads better so. */
export default function Lanes(props: ViewProps) {
  const { entity, view } = props;
  const { t } = useTranslation();
  const { locale, model } = useSession();
  const valueText = useValueText();
  const today = todayIn(locale.timeZone);
  // What is told by the hour is rarely longer than days.
  const [unit, setUnit] = useState<Unit>(fieldOf(entity, view.start ?? '')?.type === 'instant' ? 'week' : 'month');
  // A week with today near its beginning: what comes matters more than what was.
  const beginning = (day: string, of: Unit) => (of === 'week' ? addDays(day, -2) : monthStart(day));
  const [first, setFirst] = useState(beginning(today, unit));
  const [table, setTable] = useState(false);
  const range = { from: first, to: step(first, unit, 1) };
  const records = useRangeRecords(props, range);
  const group = view.group ? fieldOf(entity, view.group) : undefined;

  const { lanes, bars } = useMemo(() => {
    const found = new Map<string, Lane>();
    const placed: Bar[] = [];
    for (const { record, span } of records.data?.placed ?? []) {
      const value = group ? record[group.name] : undefined;
      const lane = value === null || value === undefined ? '' : String(value);
      if (group && !found.has(lane)) found.set(lane, { id: `lane:${lane}`, value: lane, label: lane === '' ? t('lanes.none') : valueText(entity, group, record) });
      const texts = detailFields(entity, view).filter((field) => isFilled(record, field)).map((field) => valueText(entity, field, record));
      const state = stateOf(entity, record.state);
      const color = dotColor(state?.color || (group && optionOf(model, group, value)?.color) || 'blue');
      placed.push({ id: record.id, lane: `lane:${lane}`, begin: span.begin, end: span.end, text: texts.join(' · ') || titleOf(entity, record), title: [titleOf(entity, record), ...texts, state?.label].filter(Boolean).join(' · '), color, path: recordPagePath(entity.name, record.id) });
    }
    return { lanes: ordered([...found.values()], view.group === 'state' ? entity.states?.map((one) => one.name) : group?.choices ? model.choices[group.choices]?.map((one) => one.name) : undefined), bars: placed };
  }, [records.data, entity, view, group, model, t, valueText]);

  const title = unit === 'month' ? monthTitle(first, locale.locale) : `${formatDate(first, locale.locale)} – ${formatDate(addDays(range.to, -1), locale.locale)}`;
  return (
    <div className="lanes" aria-busy={records.isFetching}>
      <RangeBar<Unit>
        title={title}
        loading={records.isFetching}
        units={[
          { value: 'week', label: t('calendar.week') },
          { value: 'month', label: t('calendar.month') },
          { value: 'quarter', label: t('lanes.quarter') },
          { value: 'year', label: t('lanes.year') },
        ]}
        unit={unit}
        onUnit={(next) => {
          // Where today is shown, it stays so.
          setFirst(beginning(first <= today && today < range.to ? today : first, next));
          setUnit(next);
        }}
        onStep={(direction) => setFirst(step(first, unit, direction))}
        onToday={() => setFirst(beginning(today, unit))}
      >
        <Segmented<string>
          aria-label={t('lanes.show')}
          value={table ? 'table' : 'chart'}
          options={[
            { value: 'chart', label: t('lanes.chart') },
            { value: 'table', label: t('lanes.table') },
          ]}
          onChange={(value) => setTable(value === 'table')}
        />
      </RangeBar>
      {records.data?.more && <Alert type="info" showIcon title={t('calendar.partial', { count: mostShown })} className="range-note" />}
      {records.isError && !records.data ? (
        <LoadError error={records.error} onRetry={() => void records.refetch()} />
      ) : !records.data ? (
        <ViewSkeleton />
      ) : bars.length === 0 ? (
        <Empty className="range-empty" image={Empty.PRESENTED_IMAGE_SIMPLE} description={t('lanes.empty', { entity: entity.plural || entity.label })} />
      ) : table ? (
        <LaneTable {...props} placed={records.data.placed} />
      ) : (
        <Suspense fallback={<ViewSkeleton />}>
          <Chart lanes={group ? lanes : []} bars={bars} from={range.from} to={range.to} now={today} label={`${view.label || entity.plural}${t('value.colon')}${title}`} />
        </Suspense>
      )}
    </div>
  );
}

function ordered(lanes: Lane[], names: string[] | undefined): Lane[] {
  const place = (lane: Lane) => (lane.value === '' ? Infinity : names ? names.indexOf(lane.value) : 0);
  return lanes.sort((a, b) => place(a) - place(b) || a.label.localeCompare(b.label));
}

function LaneTable({ entity, view, placed }: ViewProps & { placed: Placed[] }) {
  const { t } = useTranslation();
  const fields = [view.group, view.start, view.end].map((name) => (name ? fieldOf(entity, name) : undefined)).filter((field) => field !== undefined);
  return (
    <Table<Placed>
      size="small"
      rowKey={({ record }) => record.id}
      dataSource={placed}
      pagination={{ pageSize: 50, hideOnSinglePage: true }}
      scroll={{ x: 'max-content' }}
      columns={[
        { key: '$title', title: t('lanes.record'), render: (_, { record }) => <Link to={recordPagePath(entity.name, record.id)}>{titleOf(entity, record)}</Link> },
        ...[...fields, ...detailFields(entity, view)].map((field) => ({ key: field.name, title: field.label, render: (_: unknown, { record }: Placed) => <FieldValue entity={entity} field={field} record={record} /> })),
      ]}
    />
  );
}
