import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { Alert, Button, Empty, Segmented, Switch, Table } from 'antd';
import { lazy, Suspense, use, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import type { Entity, Expanded, Field, RecordData } from '../api/types';
import { FieldValue, useValueText } from '../components/field_value';
import { LoadError } from '../components/load_state';
import type { Input } from '../form_values';
import { dotColor, formatDate, instantOf } from '../format';
import { fieldOf, isEditable, isState, optionOf, stateOf, titleOf } from '../model';
import { recordPagePath } from '../paths';
import { useApi, useLanguage } from '../services';
import { useSession } from '../session';
import { addDays, addMonths, monthStart, todayIn } from './days';
import type { Bar, Lane } from './lanes_chart';
import { monthTitle, RangeBar } from './range_bar';
import { ViewSkeleton } from './record_view';
import { SharedRange, type LaneRange, type Unit } from './shared_range';
import { detailFields, isFilled, type ViewProps } from './types';
import { mostShown, useRangeRecords, type Placed } from './use_range';

const MoveDialog = lazy(() => import('./move_dialog'));
const Chart = lazy(() => import('./lanes_chart'));

const months = { month: 1, quarter: 3, year: 12 } as const;
const step = (from: string, unit: Unit, direction: 1 | -1) => (unit === 'week' ? addDays(from, 7 * direction) : addMonths(from, months[unit] * direction));

/** Records as bars over time, in lanes; the same as a table for who reads better so. */
export default function Lanes(props: ViewProps) {
  const { entity, view } = props;
  const { t } = useTranslation();
  const { locale, model } = useSession();
  const valueText = useValueText();
  const today = todayIn(locale.timeZone);
  // A week with today near its beginning: what comes matters more than what was.
  const beginning = (day: string, of: Unit) => (of === 'week' ? addDays(day, -2) : monthStart(day));
  const shared = use(SharedRange);
  // What is told by the hour is rarely longer than days.
  const usual: Unit = !shared && fieldOf(entity, view.start ?? '')?.type === 'instant' ? 'week' : 'month';
  const [own, setOwn] = useState<LaneRange>({ unit: usual, first: beginning(today, usual) });
  const { unit, first } = shared?.range ?? own;
  const setRange = shared?.set ?? setOwn;
  const [table, setTable] = useState(false);
  const range = { from: first, to: step(first, unit, 1) };
  const records = useRangeRecords(props, range);
  const group = view.group ? fieldOf(entity, view.group) : undefined;
  const movable = useMemo(() => movableFields(entity, group, view.start, view.end), [entity, group, view.start, view.end]);
  const lanesMove = !!group && movable.includes(group);
  const [asked, setAsked] = useState<boolean>();
  const known = useRows(group?.type === 'ref' && lanesMove && asked !== false ? group.to : null);
  // Of a great many, only those are shown that are asked for.
  const empty = asked ?? known.length <= fewRows;
  const rows = empty ? known : noRows;
  const [moving, setMoving] = useState<{ record: RecordData; proposed: Input; target?: Expanded | undefined } | null>(null);

  const { lanes, bars } = useMemo(() => {
    const found = new Map<string, Lane>();
    const placed: Bar[] = [];
    for (const row of rows) found.set(row.id, { id: `lane:${row.id}`, value: row.id, label: row.title ?? '' });
    for (const { record, span } of records.data?.placed ?? []) {
      const value = group ? record[group.name] : undefined;
      const lane = value === null || value === undefined ? '' : String(value);
      if (group && !found.has(lane)) found.set(lane, { id: `lane:${lane}`, value: lane, label: lane === '' ? t('lanes.none') : valueText(entity, group, record) });
      const details = detailFields(entity, view).filter((field) => isFilled(record, field));
      const texts = details.map((field) => valueText(entity, field, record));
      // Figures alone tell nobody what lies there.
      if (details.every((field) => ['int', 'decimal', 'money', 'bool'].includes(field.type))) texts.unshift(titleOf(entity, record));
      const state = stateOf(entity, record.state);
      const color = dotColor(state?.color || (group && optionOf(model, group, value)?.color) || 'blue');
      placed.push({ id: record.id, lane: `lane:${lane}`, begin: span.begin, end: span.end, text: texts.join(' · '), title: [...new Set([titleOf(entity, record), ...texts, state?.label])].filter(Boolean).join(' · '), color, path: recordPagePath(entity.name, record.id) });
    }
    const used = new Set(placed.map((bar) => bar.lane));
    return { lanes: ordered([...found.values()], used, view.group === 'state' ? entity.states?.map((one) => one.name) : group?.choices ? model.choices[group.choices]?.map((one) => one.name) : undefined), bars: placed };
  }, [records.data, rows, entity, view, group, model, t, valueText]);

  const instants = fieldOf(entity, view.start ?? '')?.type === 'instant';
  const onMove = (bar: Bar, to: { lane: string; begin: number; end: number | undefined }) => {
    const record = records.data?.placed.find((one) => one.record.id === bar.id)?.record;
    if (!record) return;
    const lane = to.lane.replace(/^lane:/, '');
    const moved = (name: string | null | undefined, at: number | undefined, last: boolean): Input => {
      if (!name || at === undefined || record[name] == null || !movable.some((field) => field.name === name)) return {};
      const wall = new Date(at).toISOString().slice(0, 19);
      // The last day is within, the chart's end is not.
      return { [name]: instants ? instantOf(wall, locale.timeZone) : last ? addDays(wall.slice(0, 10), -1) : wall.slice(0, 10) };
    };
    const proposed = {
      ...(group && lanesMove && to.lane !== bar.lane ? { [group.name]: lane === '' ? null : lane } : {}),
      ...(to.begin === bar.begin ? {} : { ...moved(view.start, to.begin, false), ...moved(view.end, to.end, true) }),
    };
    const row = lanes.find((one) => one.id === to.lane);
    setMoving({ record, proposed, target: row && lane ? { id: lane, title: row.label } : undefined });
  };
  const move = movable.length > 0 ? { time: movable.some((field) => field.name === view.start), lane: lanesMove, grid: instants ? 900_000 : 86_400_000, onMove } : undefined;

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
          setRange({ unit: next, first: beginning(first <= today && today < range.to ? today : first, next) });
        }}
        onStep={(direction) => setRange({ unit, first: step(first, unit, direction) })}
        onToday={() => setRange({ unit, first: beginning(today, unit) })}
      >
        {lanesMove && group.type === 'ref' && (
          <label className="parameter">
            <Switch size="small" checked={empty} onChange={setAsked} aria-label={t('plan.rows')} /> <span aria-hidden>{t('plan.rows')}</span>
          </label>
        )}
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
      ) : bars.length === 0 && lanes.length === 0 ? (
        <Empty className="range-empty" image={Empty.PRESENTED_IMAGE_SIMPLE} description={t('lanes.empty', { entity: entity.plural || entity.label })} />
      ) : table ? (
        <LaneTable {...props} placed={records.data.placed} onMove={movable.length > 0 ? (record) => setMoving({ record, proposed: {} }) : undefined} />
      ) : (
        <Suspense fallback={<ViewSkeleton />}>
          {move && <p className="muted plan-hint">{t('plan.hint')}</p>}
          <Chart move={move} lanes={group ? lanes : []} bars={bars} from={range.from} to={range.to} now={today} label={`${view.label || entity.plural}${t('value.colon')}${title}`} />
        </Suspense>
      )}
      {moving && (
        <Suspense fallback={null}>
          <MoveDialog entity={entity} record={moving.record} fields={movable} proposed={moving.proposed} target={moving.target} neighbours={records.data?.placed ?? []} onClose={() => setMoving(null)} />
        </Suspense>
      )}
    </div>
  );
}

/** What dragging a bar may change: the row where it is a field that the user may set, the beginning and the end. */
function movableFields(entity: Entity, group: Field | undefined, start: string | null | undefined, end: string | null | undefined): Field[] {
  if (!entity.rights.update || entity.ledger) return [];
  const may = (field: Field | undefined): field is Field => !!field && isEditable(field) && field.right === 'write' && !isState(field);
  return [group, ...[start, end].map((name) => (name ? fieldOf(entity, name) : undefined))].filter(may);
}

const noRows: Expanded[] = [];

/** All records that may be rows, so that there is a row to drop something into. */
function useRows(of: string | null | undefined): Expanded[] {
  const api = useApi();
  const { language } = useLanguage();
  const { model } = useSession();
  const target = of ? model.entities[of] : undefined;
  const list = useQuery({
    queryKey: ['list', of, 'rows', language],
    queryFn: async ({ signal }) => {
      const page = await api.get('/records/{entity}', { path: { entity: target!.name }, query: { view: target!.views[0]?.filter ? target!.views[0].name : undefined, limit: mostRows }, signal });
      return page.items.map((item) => ({ id: item.id, title: titleOf(target, item) }));
    },
    enabled: !!target,
    placeholderData: keepPreviousData,
  });
  return (target && list.data) || noRows;
}

const mostRows = 100;
const fewRows = 40;

/** Rows with something in them come first. */
function ordered(lanes: Lane[], used: Set<string>, names: string[] | undefined): Lane[] {
  const place = (lane: Lane) => (lane.value === '' ? Infinity : names ? names.indexOf(lane.value) : 0);
  return lanes.sort((a, b) => Number(used.has(b.id)) - Number(used.has(a.id)) || place(a) - place(b) || a.label.localeCompare(b.label));
}

function LaneTable({ entity, view, placed, onMove }: ViewProps & { placed: Placed[]; onMove: ((record: RecordData) => void) | undefined }) {
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
        ...(onMove
          ? [{ key: '$move', title: <span className="hidden-text">{t('plan.move')}</span>, render: (_: unknown, { record }: Placed) => <Button size="small" onClick={() => onMove(record)} aria-label={t('plan.moveTitle', { title: titleOf(entity, record) })}>{t('plan.move')}</Button> }]
          : []),
      ]}
    />
  );
}
