import MoreOutlined from '@ant-design/icons/es/icons/MoreOutlined';
import { DndContext, DragOverlay, MouseSensor, TouchSensor, useDraggable, useDroppable, useSensor, useSensors, type Announcements } from '@dnd-kit/core';
import { useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query';
import { App, Button, Dropdown, Modal, Skeleton, Spin } from 'antd';
import { useId, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { ApiError } from '../api/client';
import type { AvailableTransition, Entity, Field, RecordData, ViewDefinition } from '../api/types';
import { FieldValue } from '../components/field_value';
import { LoadError } from '../components/load_state';
import { useAvailableSteps, useSteps } from '../components/transitions';
import { celString } from '../filter';
import { expansion, fieldOf, titleOf } from '../model';
import { recordPagePath } from '../paths';
import { useRecordChanged } from '../record_queries';
import { useApi, useLanguage } from '../services';
import { useSession } from '../session';
import { useSteady } from '../steady';
import { useErrorText } from '../use_error_text';
import { boardColumns, cardMoves, type BoardColumn } from './board_columns';
import { both, detailFields, isFilled, viewParameter, type ViewProps } from './types';

const pageSize = 20;

/** Records as cards in columns by state or by a choice. */
export default function Board({ entity, view, q, filter }: ViewProps) {
  const { t } = useTranslation();
  const { model } = useSession();
  const { language } = useLanguage();
  const api = useApi();
  const queries = useQueryClient();
  const { message } = App.useApp();
  const errorText = useErrorText();
  const changed = useRecordChanged();
  const steps = useSteps(entity);
  const [dragged, setDragged] = useState<{ record: RecordData; steps: AvailableTransition[] | undefined } | null>(null);
  const [choosing, setChoosing] = useState<{ record: RecordData; column: BoardColumn; steps: AvailableTransition[] } | null>(null);
  const [moving, setMoving] = useState<string | null>(null);
  const sensors = useSensors(useSensor(MouseSensor, { activationConstraint: { distance: 6 } }), useSensor(TouchSensor, { activationConstraint: { delay: 250, tolerance: 8 } }));
  const group = view.group ?? 'state';
  const byState = group === 'state';
  const groupField = fieldOf(entity, group);

  const counts = useQuery({
    queryKey: ['list', entity.name, 'counts', view.name, filter, q, language],
    queryFn: ({ signal }) =>
      api.get('/records/{entity}/aggregate', { path: { entity: entity.name }, query: { view: viewParameter(view), group, measure: 'count', filter, q: q || undefined, limit: 1000 }, signal }),
  });
  const found = counts.data && new Map(counts.data.items.map((item) => [item.group[group] == null ? '' : String(item.group[group]), Number(item['count'])]));
  const columns = boardColumns(model, entity, view, found, t('board.noValue'));

  const stepsOf = (record: RecordData) =>
    queries.fetchQuery({
      queryKey: ['transitions', entity.name, record.id, record.version, language],
      queryFn: ({ signal }) => api.get('/records/{entity}/{id}/transitions', { path: { entity: entity.name, id: record.id }, signal }),
    });

  const fail = (record: RecordData, error: unknown) => {
    if (error instanceof ApiError && error.status === 401) return;
    const stale = error instanceof ApiError && error.status === 412;
    void message.error(stale ? t('conflict.transition') : errorText(error));
    if (error instanceof ApiError && [404, 409, 412].includes(error.status)) void changed(entity.name, record.id);
  };

  const setField = async (record: RecordData, column: BoardColumn) => {
    setMoving(record.id);
    try {
      await api.patch('/records/{entity}/{id}', { [group]: column.value === '' ? null : column.value }, { path: { entity: entity.name, id: record.id }, version: record.version });
      void message.success(t('board.moved', { label: column.label }));
      await changed(entity.name, record.id);
    } catch (error) {
      fail(record, error);
    } finally {
      setMoving(null);
    }
  };

  const move = async (record: RecordData, column: BoardColumn) => {
    if (column.value === String(record[group] ?? '')) return;
    if (!byState) {
      if (cardMoves(entity, view)) await setField(record, column);
      else void message.warning(t('board.fixed'));
      return;
    }
    setMoving(record.id);
    try {
      const leading = (await stepsOf(record)).items.filter((step) => step.to === column.value);
      const allowed = leading.filter((step) => step.allowed);
      if (allowed.length > 1) setChoosing({ record, column, steps: allowed });
      else if (allowed[0]) steps.start(record, allowed[0]);
      else void message.warning(leading.find((step) => step.why)?.why || t('board.noStep', { from: columns.find((one) => one.value === record.state)?.label ?? '', to: column.label }));
    } catch (error) {
      fail(record, error);
    } finally {
      setMoving(null);
    }
  };

  /** What is known of whether the dragged card may go there. */
  const reach = (column: BoardColumn): 'open' | 'closed' | undefined => {
    if (!dragged || column.value === String(dragged.record[group] ?? '')) return undefined;
    if (!byState) return cardMoves(entity, view) ? 'open' : 'closed';
    const known = dragged.steps
      ? dragged.steps.some((step) => step.to === column.value && step.allowed)
      : entity.transitions?.some((step) => step.to === column.value && step.from.includes(dragged.record.state ?? ''));
    return known ? 'open' : 'closed';
  };

  const name = (data: unknown) => titleOf(entity, (data as { record?: RecordData } | undefined)?.record ?? ({} as RecordData));
  const columnName = (id: unknown) => columns.find((one) => one.key === id)?.label ?? '';
  const announcements: Announcements = {
    onDragStart: ({ active }) => t('board.lifted', { title: name(active.data.current) }),
    onDragOver: ({ active, over }) => (over ? t('board.over', { title: name(active.data.current), column: columnName(over.id) }) : undefined),
    onDragEnd: ({ active, over }) => (over ? t('board.dropped', { title: name(active.data.current), column: columnName(over.id) }) : t('board.cancelled', { title: name(active.data.current) })),
    onDragCancel: ({ active }) => t('board.cancelled', { title: name(active.data.current) }),
  };

  if (!groupField && !byState) return null;
  return (
    <DndContext
      sensors={sensors}
      // Only at the very edge: a board that runs away under the hand is hard to hit.
      autoScroll={{ threshold: { x: 0.04, y: 0.12 } }}
      accessibility={{ announcements, screenReaderInstructions: { draggable: '' } }}
      onDragStart={({ active }) => {
        const record = (active.data.current as { record: RecordData }).record;
        setDragged({ record, steps: undefined });
        if (!byState) return;
        stepsOf(record).then(
          ({ items }) => setDragged((now) => (now?.record.id === record.id ? { record, steps: items } : now)),
          () => undefined, // said when the card is dropped
        );
      }}
      onDragCancel={() => setDragged(null)}
      onDragEnd={({ active, over }) => {
        setDragged(null);
        const column = columns.find((one) => one.key === over?.id);
        if (column) void move((active.data.current as { record: RecordData }).record, column);
      }}
    >
      <div className="board">
        {columns.map((column) => (
          <Column
            key={column.key}
            entity={entity}
            view={view}
            q={q}
            filter={filter}
            column={column}
            count={found ? (found.get(column.value) ?? 0) : undefined}
            reach={reach(column)}
            busy={steps.running?.id ?? moving}
            menu={(record) => <CardMenu entity={entity} record={record} columns={byState ? undefined : cardMoves(entity, view) ? columns : []} group={group} onStep={(step) => steps.start(record, step)} onColumn={(to) => void move(record, to)} />}
          />
        ))}
      </div>
      <DragOverlay dropAnimation={null}>{dragged && <CardBody entity={entity} view={view} record={dragged.record} lifted />}</DragOverlay>
      {steps.dialog}
      {choosing && (
        <Modal open title={t('board.choose', { state: choosing.column.label })} footer={null} onCancel={() => setChoosing(null)}>
          <div className="step-choices">
            {choosing.steps.map((step) => (
              <Button
                key={step.name}
                block
                onClick={() => {
                  setChoosing(null);
                  steps.start(choosing.record, step);
                }}
              >
                {step.label}
              </Button>
            ))}
          </div>
        </Modal>
      )}
    </DndContext>
  );
}

interface ColumnProps extends ViewProps {
  column: BoardColumn;
  count: number | undefined;
  reach: 'open' | 'closed' | undefined;
  busy: string | null;
  menu: (record: RecordData) => ReactNode;
}

function Column({ entity, view, q, filter, column, count, reach, busy, menu }: ColumnProps) {
  const { t } = useTranslation();
  const { language } = useLanguage();
  const api = useApi();
  const heading = useId();
  const { setNodeRef, isOver } = useDroppable({ id: column.key });
  const group = view.group ?? 'state';
  const condition = both(`record.${group} == ${column.value === '' ? 'null' : celString(column.value)}`, filter);
  const pages = useInfiniteQuery({
    queryKey: ['list', entity.name, 'board', view.name, condition, q, language],
    queryFn: ({ pageParam, signal }) => {
      const query = {
        view: viewParameter(view), filter: condition, sort: view.sort, q: q || undefined, limit: pageSize, after: pageParam,
        expand: expansion(entity, [...view.columns, ...(entity.title ? [entity.title] : [])]),
      };
      return api.get('/records/{entity}', { path: { entity: entity.name }, query, signal });
    },
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
  });
  const records = useSteady(pages.data)?.pages.flatMap((page) => page.items) ?? [];
  return (
    <section ref={setNodeRef} className={`board-column${reach ? ` board-${reach}` : ''}${isOver && reach === 'open' ? ' board-over' : ''}`} aria-labelledby={heading}>
      <div className="board-head">
        <span className="dot" style={{ background: column.color }} aria-hidden />
        <h2 id={heading}>{column.label}</h2>
        {count !== undefined && <span className="board-count">{count}</span>}
      </div>
      {/* What scrolls must be reached by the keyboard. */}
      <div className="board-body" tabIndex={0} role="group" aria-labelledby={heading}>
        {pages.isPending ? (
          <Skeleton active title={false} paragraph={{ rows: 3 }} className="board-skeleton" />
        ) : pages.isError ? (
          <LoadError error={pages.error} onRetry={() => void pages.refetch()} />
        ) : records.length === 0 ? (
          <p className="board-empty">{t('board.columnEmpty')}</p>
        ) : (
          <ul className="cards">
            {records.map((record) => (
              <li key={record.id}>
                <Card entity={entity} view={view} record={record} busy={busy === record.id} menu={menu(record)} />
              </li>
            ))}
          </ul>
        )}
        {pages.hasNextPage && (
          <Button type="text" block loading={pages.isFetchingNextPage} onClick={() => void pages.fetchNextPage()}>
            {t('board.more')}
          </Button>
        )}
      </div>
    </section>
  );
}

function Card({ entity, view, record, busy, menu }: { entity: Entity; view: ViewDefinition; record: RecordData; busy: boolean; menu: ReactNode }) {
  const { setNodeRef, listeners, isDragging } = useDraggable({ id: record.id, data: { record } });
  return (
    // Listeners alone: the menu is for the keyboard, and a card is no button.
    <div ref={setNodeRef} {...listeners} className={isDragging ? 'card-source' : undefined} aria-busy={busy || undefined}>
      <Spin spinning={busy}>
        <CardBody entity={entity} view={view} record={record} menu={menu} />
      </Spin>
    </div>
  );
}

function CardBody({ entity, view, record, menu, lifted }: { entity: Entity; view: ViewDefinition; record: RecordData; menu?: ReactNode; lifted?: boolean }) {
  const fields = detailFields(entity, view).filter((field) => isFilled(record, field));
  return (
    <div className={lifted ? 'card card-lifted' : 'card'}>
      <div className="card-head">
        <Link to={recordPagePath(entity.name, record.id)} draggable={false}>
          {titleOf(entity, record)}
        </Link>
        {menu}
      </div>
      {fields.length > 0 && (
        <dl className="card-fields">
          {fields.map((field: Field) => (
            <div key={field.name}>
              <dt>{field.label}</dt>
              <dd>
                <FieldValue entity={entity} field={field} record={record} />
              </dd>
            </div>
          ))}
        </dl>
      )}
    </div>
  );
}

interface CardMenuProps {
  entity: Entity;
  record: RecordData;
  /** Of a board by a choice: where the card may go; undefined: by steps. */
  columns: BoardColumn[] | undefined;
  group: string;
  onStep: (step: AvailableTransition) => void;
  onColumn: (column: BoardColumn) => void;
}

/** What dragging does, for the keyboard. */
function CardMenu({ entity, record, columns, group, onStep, onColumn }: CardMenuProps) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  const steps = useAvailableSteps(entity, record, open && !columns);
  const errorText = useErrorText();
  const places = columns?.filter((column) => column.value !== String(record[group] ?? ''));
  const none = { key: 'none', disabled: true, label: t('board.noSteps') };
  const items = places
    ? places.length > 0
      ? places.map((column) => ({ key: column.key, label: column.label, onClick: () => onColumn(column) }))
      : [none]
    : steps.isError
      ? [{ key: 'error', disabled: true, label: errorText(steps.error) }]
      : steps.isPending
        ? [{ key: 'wait', disabled: true, label: <Spin size="small" /> }]
        : steps.data.items.length > 0
          ? steps.data.items.map((step) => ({
              key: step.name,
              disabled: !step.allowed,
              label: (
                <span className="step-item">
                  {step.label}
                  {!step.allowed && step.why && <small>{step.why}</small>}
                </span>
              ),
              onClick: () => onStep(step),
            }))
          : [none];
  return (
    <Dropdown trigger={['click']} open={open} onOpenChange={setOpen} menu={{ items }} placement="bottomRight">
      <Button type="text" size="small" className="card-menu" icon={<MoreOutlined aria-hidden />} aria-label={t('board.move', { title: titleOf(entity, record) })} aria-haspopup="menu" aria-expanded={open} />
    </Dropdown>
  );
}
