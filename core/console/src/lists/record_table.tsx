import { lazy, memo, Suspense, useCallback, useEffect, useMemo, useRef, useState, type KeyboardEvent, type MouseEvent, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import type { Entity, Field, RecordData } from '../api/types';
import { useValueView, type Lead } from '../components/field_value';
import { ownLink, titleOf } from '../model';
import { recordPagePath } from '../paths';
import { Edge, type Widths } from './widths';

const QuickEdit = lazy(() => import('./quick_edit'));

interface Props {
  entity: Entity;
  columns: Field[];
  /** In their order; those of a group together. */
  records: RecordData[];
  group: Field | undefined;
  /** How many records each group has in all, by value. */
  counts: Map<string, number>;
  /** Those that can be changed in their place. */
  changeable: Field[];
  /** `name` or `-name` of the field by which the records are sorted first. */
  sort: string | undefined;
  onSort: (sort: string) => void;
  widths: Widths;
  onWidths: (widths: Widths) => void;
  /** Undefined where there is nothing to do with those chosen. */
  chosen: RecordData[] | undefined;
  onChosen: (chosen: RecordData[]) => void;
}

/** Other clicks on a link ask for another tab or window. */
const plainClick = (event: MouseEvent) => event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;

/** Links in rows are plain ones, for there are hundreds; the table takes them to the router. */
const lead: Lead = (to, text, key) => <a key={key} href={to}>{text}</a>;

/**
 * The records of a list. A table of its own, as a page of fifty by twelve costs ten times as much in one that can do
 * everything: rows are drawn once, and again only where something about them changes.
 */
export function RecordTable({ entity, columns, records, group, counts, changeable, sort, onSort, widths, onWidths, chosen, onChosen }: Props) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const view = useValueView(lead);
  const [editing, setEditing] = useState<{ id: string; field: string } | null>(null);
  const [active, setActive] = useState<string | null>(null);
  const last = useRef<string | null>(null);
  const width = columns.length + (chosen ? 1 : 0);
  const known = useMemo(() => new Map(records.map((record) => [record.id, record])), [records]);
  const ids = useMemo(() => new Set(chosen?.map((record) => record.id)), [chosen]);
  const choose = (record: RecordData, on: boolean, through: boolean) => {
    // With shift, all between this row and the one before.
    const [a, b] = [last.current === null ? -1 : records.findIndex(({ id }) => id === last.current), records.indexOf(record)];
    const those = through && a >= 0 ? records.slice(Math.min(a, b), Math.max(a, b) + 1) : [record];
    last.current = record.id;
    const rest = (chosen ?? []).filter(({ id }) => !those.some((one) => one.id === id));
    onChosen(on ? [...rest, ...those] : rest);
  };
  const latest = useRef(choose);
  useEffect(() => {
    latest.current = choose;
  });
  const onChoose = useCallback((record: RecordData, on: boolean, through: boolean) => latest.current(record, on, through), []);

  const editLabel = useCallback((field: Field, record: RecordData) => t('quick.edit', { label: field.label, title: titleOf(entity, record) }), [t, entity]);
  const rowOf = (target: EventTarget) => known.get((target as Element).closest('tr')?.dataset['rowKey'] ?? '');
  /** What opens above a row is its child for React, not on the page. */
  const inside = (event: { currentTarget: Element; target: EventTarget }) => event.currentTarget.contains(event.target as Element);
  const click = (event: MouseEvent) => {
    const target = event.target as Element;
    if (!inside(event)) return;
    const link = target.closest('a');
    if (link) {
      const to = link.getAttribute('href');
      if (!to || link.target || !to.startsWith('/') || !plainClick(event)) return;
      event.preventDefault();
      void navigate(to);
      return;
    }
    // The first cell's link serves the keyboard; a click anywhere in the row is for the mouse.
    const record = rowOf(target);
    if (!record || target.closest('button, label, input, .choose-cell') || window.getSelection()?.toString()) return;
    void navigate(recordPagePath(entity.name, record.id));
  };
  const press = (event: KeyboardEvent) => {
    const [first] = changeable;
    const record = rowOf(event.target);
    if (!record || !inside(event)) return;
    if ((event.key === 'ArrowDown' || event.key === 'ArrowUp') && !event.altKey && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      // From the box that chooses a row to the next such box, from elsewhere to the next row's link.
      const stop = (event.target as Element).matches('.choose') ? '.choose' : '.row-link';
      const to = neighbour((event.target as Element).closest('tr'), event.key === 'ArrowDown')?.querySelector<HTMLElement>(stop);
      if (!to) return;
      event.preventDefault();
      to.focus();
      return;
    }
    if (event.key !== 'F2' || !first) return;
    event.preventDefault();
    setEditing({ id: record.id, field: first.name });
  };
  const enter = (target: EventTarget) => {
    const record = rowOf(target);
    if (record) setActive(record.id);
  };

  let value: unknown = heads;
  return (
    <div className="record-table-scroll">
      <table className="record-table">
        <thead>
          <tr>
            {chosen && <th scope="col" className="choose-cell"><ChooseAll page={records} chosen={chosen} onChange={onChosen} /></th>}
            {columns.map((field, index) => (
              <Head
                key={field.name} field={field} first={index === 0} width={widths[field.name]} sorted={sort === field.name ? 'ascending' : sort === `-${field.name}` ? 'descending' : undefined}
                onSort={onSort} onWidth={(next) => onWidths({ ...widths, [field.name]: next })}
              />
            ))}
          </tr>
        </thead>
        <tbody onClick={click} onKeyDown={press} onMouseOver={(event) => enter(event.target)} onFocus={(event) => enter(event.target)}>
          {records.flatMap((record) => {
            const rows: ReactNode[] = [];
            if (group && (record[group.name] ?? null) !== value) {
              value = record[group.name] ?? null;
              const count = counts.get(String(value));
              rows.push(
                <tr key={`group:${record.id}`} className="group-row">
                  <td colSpan={width}>
                    <span className="group-head">
                      <span className="muted">{group.label}</span> {view(entity, group, record)} {count !== undefined && <span className="board-count">{count}</span>}
                    </span>
                  </td>
                </tr>,
              );
            }
            rows.push(
              <Row
                key={record.id} entity={entity} columns={columns} record={record} view={view} widths={widths} changeable={changeable}
                active={active === record.id} editing={editing?.id === record.id ? editing.field : undefined} onEdit={setEditing} editLabel={editLabel}
                {...(chosen ? { chosen: ids.has(record.id), label: t('bulk.choose', { title: titleOf(entity, record) }) } : {})} onChoose={onChoose}
              />,
            );
            return rows;
          })}
        </tbody>
      </table>
    </div>
  );
}

/** The next row of a record, or the one before. */
function neighbour(row: Element | null, down: boolean): HTMLElement | undefined {
  let at = row;
  do at = (down ? at?.nextElementSibling : at?.previousElementSibling) ?? null;
  while (at && !(at as HTMLElement).dataset['rowKey']);
  return (at as HTMLElement | null) ?? undefined;
}

/** Equal to no value. */
const heads = Symbol('no group yet');

/** A longer label may not be seen whole. */
const longLabel = 16;

function Head({ field, first, width, sorted, onSort, onWidth }: { field: Field; first: boolean; width: number | undefined; sorted: 'ascending' | 'descending' | undefined; onSort: (sort: string) => void; onWidth: (width: number) => void }) {
  const sort = () => onSort(sorted === 'ascending' ? `-${field.name}` : field.name);
  return (
    <th
      scope="col"
      className={`${kindOf(field)}${first ? ' lead-cell' : ''}${field.sortable ? ' sortable' : ''}`}
      {...(width ? { style: { width, minWidth: width, maxWidth: width } } : {})}
      {...(field.label.length > longLabel ? { title: field.label } : {})}
      {...(field.sortable
        ? {
            tabIndex: 0, 'aria-label': field.label, onClick: sort, ...(sorted ? { 'aria-sort': sorted } : {}),
            onKeyDown: (event: KeyboardEvent) => {
              if (event.key !== 'Enter' && event.key !== ' ') return;
              event.preventDefault();
              sort();
            },
          }
        : {})}
    >
      {field.label}
      <Edge label={field.label} width={width} onWidth={onWidth} />
    </th>
  );
}

interface RowProps {
  entity: Entity;
  columns: Field[];
  record: RecordData;
  view: ReturnType<typeof useValueView>;
  widths: Widths;
  changeable: Field[];
  /** The last that the mouse or the focus was in. */
  active: boolean;
  /** Field that is being changed. */
  editing: string | undefined;
  onEdit: (editing: { id: string; field: string } | null) => void;
  editLabel: (field: Field, record: RecordData) => string;
  /** Undefined where nothing can be chosen. */
  chosen?: boolean;
  label?: string;
  onChoose: (record: RecordData, on: boolean, through: boolean) => void;
}

const Row = memo(function Row({ entity, columns, record, view, widths, changeable, active, editing, onEdit, editLabel, chosen, label, onChoose }: RowProps) {
  return (
    <tr data-row-key={record.id} className={chosen ? 'record-row row-chosen' : 'record-row'}>
      {chosen !== undefined && (
        <td className="choose-cell">
          <input type="checkbox" className="choose" aria-label={label} checked={chosen} onChange={(event) => onChoose(record, event.target.checked, (event.nativeEvent as { shiftKey?: boolean }).shiftKey === true)} />
        </td>
      )}
      {columns.map((field, index) => {
        const width = widths[field.name];
        return (
          <td key={field.name} className={index === 0 ? `${kindOf(field)} lead-cell` : kindOf(field)} {...(width ? { style: { maxWidth: width } } : {})}>
            {index === 0 ? <a href={recordPagePath(entity.name, record.id)} className="row-link">{ownLink(entity, field, record) ?? view(entity, field, record)}</a> : view(entity, field, record)}
            {(active || editing !== undefined) && changeable.includes(field) &&
              (editing === field.name ? (
                <Suspense fallback={null}>
                  <QuickEdit entity={entity} fields={changeable} field={field} record={record} onField={(name) => onEdit({ id: record.id, field: name })} onClose={() => onEdit(null)} />
                </Suspense>
              ) : (
                // For the mouse; with the keyboard F2 on the row's link does the same.
                <button type="button" className="quick-edit" tabIndex={-1} aria-label={editLabel(field, record)} onClick={() => onEdit({ id: record.id, field: field.name })}>
                  {pen}
                </button>
              ))}
          </td>
        );
      })}
    </tr>
  );
});

const pen = (
  <svg viewBox="0 0 16 16" width="1em" height="1em" fill="none" stroke="currentColor" strokeWidth="1.4" aria-hidden>
    <path d="M3 11.2 10.6 3.6l1.8 1.8L4.8 13H3zM2 15h12" />
  </svg>
);

const isNumeric = (field: Field) => field.type === 'decimal' || field.type === 'money' || field.type === 'int';
const isWideText = (field: Field) => field.type === 'text' && (field.multiline === true || !field.max || Number(field.max) > 60);
const kindOf = (field: Field) => (isNumeric(field) ? 'cell-number' : isWideText(field) ? 'cell-text' : 'cell');

function ChooseAll({ page, chosen, onChange }: { page: RecordData[]; chosen: RecordData[]; onChange: (chosen: RecordData[]) => void }) {
  const { t } = useTranslation();
  const box = useRef<HTMLInputElement>(null);
  const here = new Set(page.map((record) => record.id));
  const others = chosen.filter((record) => !here.has(record.id));
  const count = chosen.length - others.length;
  const some = count > 0 && count < page.length;
  useEffect(() => {
    if (box.current) box.current.indeterminate = some;
  }, [some]);
  return <input ref={box} type="checkbox" className="choose" aria-label={t('bulk.all')} disabled={page.length === 0} checked={count > 0 && !some} onChange={(event) => onChange(event.target.checked ? [...others, ...page] : others)} />;
}
