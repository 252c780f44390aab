import { useCallback, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import type { Entity, Field, RecordData } from '../api/types';
import { currencyOf } from '../form_values';
import { dotColor, formatDate, formatDecimal, formatInstant, formatMoney } from '../format';
import { expandedOf, isState, optionOf, stateOf, textIn } from '../model';
import { recordPagePath } from '../paths';
import { useSession } from '../session';
import { FileLink } from './file_link';

/** A label with a dot in the colour of a choice or state, where it has one; the text is in a colour that can be read. */
export function DotLabel({ color, label, strong }: { color: string | null | undefined; label: string; strong?: boolean }) {
  return (
    <span className={strong ? 'dot-label dot-label-strong' : 'dot-label'}>
      {color && <span className="dot" style={{ background: dotColor(color) }} aria-hidden />}
      {label}
    </span>
  );
}

export function StateLabel({ entity, state, strong }: { entity: Entity; state: string | null | undefined; strong?: boolean }) {
  if (!state) return <Nothing />;
  const known = stateOf(entity, state);
  return <DotLabel color={known?.color || defaultColor[known?.category ?? 'open']} label={known?.label ?? state} {...(strong ? { strong } : {})} />;
}

const defaultColor = { open: 'blue', waiting: 'gold', done: 'green', cancelled: 'grey' };

export function Nothing() {
  const { t } = useTranslation();
  return <span className="muted">{t('value.empty')}</span>;
}

/** The elements of a list. */
const ids = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);

const titleAt = (record: RecordData, field: Field, id: string) => expandedOf(record, field.name).find((one) => one.id === id)?.title ?? `#${id}`;

/** A field's value as text, "" where it is empty. */
export function useValueText(): (entity: Entity, field: Field, record: RecordData) => string {
  const { t } = useTranslation();
  const { model, locale } = useSession();
  return useCallback((entity: Entity, field: Field, record: RecordData) => {
    const value = record[field.name];
    if (value === null || value === undefined || value === '') return '';
    if (isState(field)) return stateOf(entity, String(value))?.label ?? String(value);
    switch (field.type) {
      case 'bool':
        return value === true ? t('value.yes') : t('value.no');
      case 'decimal':
        return formatDecimal(String(value), locale.locale);
      case 'money':
        return formatMoney(String(value), String(record[currencyOf(field.name)] ?? locale.currency), locale.locale);
      case 'date':
        return formatDate(String(value), locale.locale);
      case 'instant':
        return formatInstant(String(value), locale.locale, locale.timeZone);
      case 'choice':
        return optionOf(model, field, value)?.label ?? String(value);
      case 'ref':
        return expandedOf(record, field.name)[0]?.title ?? `#${String(value)}`;
      case 'refs':
        return ids(value).map((id) => titleAt(record, field, id)).join(', ');
      case 'multi':
        return ids(value).map((name) => optionOf(model, field, name)?.label ?? name).join(', ');
      case 'localized':
        return textIn(value, locale.locale);
      case 'json': {
        const short = JSON.stringify(value);
        return short.length <= 60 ? short : JSON.stringify(value, null, 2);
      }
      default:
        return String(value);
    }
  }, [t, model, locale]);
}

/** How a reference leads to its record. */
export type Lead = (to: string, text: ReactNode, key?: string) => ReactNode;

const routed: Lead = (to, text, key) => <Link key={key} to={to}>{text}</Link>;

/** Shows values as FieldValue does, for those who show many: what a value needs is looked up once. */
export function useValueView(lead: Lead = routed): (entity: Entity, field: Field, record: RecordData) => ReactNode {
  const { t } = useTranslation();
  const { model } = useSession();
  const valueText = useValueText();
  const nothing = t('value.empty');
  return useCallback((entity: Entity, field: Field, record: RecordData) => {
    const value = record[field.name];
    const text = valueText(entity, field, record);
    const led = (id: string, title: string, key?: string) => (field.to && model.entities[field.to] ? lead(recordPagePath(field.to, id), title, key) : <span key={key}>{title}</span>);
    if (text === '') return <span className="muted">{nothing}</span>;
    if (isState(field)) return <StateLabel entity={entity} state={String(value)} />;
    switch (field.type) {
      case 'choice':
        return <DotLabel color={optionOf(model, field, value)?.color} label={text} />;
      case 'multi':
        return (
          <span className="values">
            {ids(value).map((name) => {
              const option = optionOf(model, field, name);
              return <DotLabel key={name} color={option?.color} label={option?.label ?? name} />;
            })}
          </span>
        );
      case 'refs':
        return <span className="values">{ids(value).map((id) => led(id, titleAt(record, field, id), id))}</span>;
      case 'file':
      case 'image':
        return <FileLink entity={entity.name} field={field} record={record} attachment={String(value)} />;
      case 'ref':
        return led(String(value), text);
      case 'decimal':
      case 'money':
      case 'int':
      case 'date':
      case 'instant':
        return <span className="number">{text}</span>;
      case 'json':
        return <pre className="json">{text}</pre>;
      case 'text':
      case 'localized':
        return field.multiline ? <span className="multiline">{text}</span> : text;
      default:
        return text;
    }
  }, [model, valueText, nothing, lead]);
}

/** A field's value, formatted for the user; references lead to their record. */
export function FieldValue({ entity, field, record }: { entity: Entity; field: Field; record: RecordData }) {
  return <>{useValueView()(entity, field, record)}</>;
}
