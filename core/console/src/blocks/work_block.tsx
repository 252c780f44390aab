import PhoneOutlined from '@ant-design/icons/es/icons/PhoneOutlined';
import { useQuery } from '@tanstack/react-query';
import { Button, Empty, Skeleton } from 'antd';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import type { Entity, Expanded, Field, RecordData, ViewDefinition } from '../api/types';
import { TakeNext } from '../components/assignments';
import { FieldLabel } from '../components/field_label';
import { FieldValue, StateLabel, useValueText } from '../components/field_value';
import { LoadError } from '../components/load_state';
import { TransitionButtons } from '../components/transitions';
import { expandedOf, expansion, fieldOf, isState, mainForm, titleOf } from '../model';
import { recordPagePath } from '../paths';
import { useApi, useLanguage } from '../services';
import { useSession } from '../session';
import { viewParameter } from '../views/types';

/** As many as one sees beside the record; the rest come up when these are done. */
const mostShown = 30;

/** The records of a list one after the other: each whole, with its steps; the first step's form stands open. */
export default function WorkBlock({ entity, view }: { entity: Entity; view: ViewDefinition }) {
  const { t } = useTranslation();
  const api = useApi();
  const { language } = useLanguage();
  const { model } = useSession();
  const valueText = useValueText();
  const [chosen, setChosen] = useState<{ id: string; at: number } | null>(null);
  const [taken, setTaken] = useState<string | null>(null);
  const shown = view.columns.map((name) => fieldOf(entity, name)).filter((field): field is Field => !!field);
  // Numbers to call stand at the records that these point to.
  const phones = shown.filter((field) => field.type === 'ref').flatMap((field) => (model.entities[field.to ?? '']?.fields ?? []).filter(isPhone).map((phone) => `${field.name}.${phone.name}`));
  const query = {
    view: viewParameter(view), sort: view.sort || undefined, limit: mostShown, count: '1' as const,
    expand: [expansion(entity), ...phones.slice(0, 8)].filter(Boolean).join(',') || undefined,
  };
  const list = useQuery({ queryKey: ['list', entity.name, 'work', query, language], queryFn: ({ signal }) => api.get('/records/{entity}', { path: { entity: entity.name }, query, signal }) });
  const items = list.data?.items ?? [];
  const found = items.findIndex((one) => one.id === chosen?.id);
  // What was chosen is done: the one in its place follows.
  const at = found >= 0 ? found : Math.max(0, Math.min(chosen?.at ?? 0, items.length - 1));
  const current = items[at];
  const currentId = current?.id;
  const there = taken !== null && items.some((one) => one.id === taken);
  useEffect(() => {
    if (there) {
      setChosen({ id: taken, at: 0 });
      setTaken(null);
    } else if (currentId !== undefined) {
      setChosen((before) => (before?.id === currentId && before.at === at ? before : { id: currentId, at }));
    }
  }, [there, taken, currentId, at]);
  const choose = (index: number) => setChosen({ id: items[index]?.id ?? '', at: index });
  /** What was taken from a queue is worked on here, where this list has it. */
  const show = async ({ id }: RecordData) => {
    const fresh = await list.refetch();
    const here = !!fresh.data?.items.some((one) => one.id === id);
    if (here) setTaken(id);
    return here;
  };

  if (list.isError && !list.data) return <LoadError error={list.error} onRetry={() => void list.refetch()} />;
  if (!list.data) return <Skeleton active title={false} paragraph={{ rows: 6, width: '100%' }} />;
  const take = <TakeNext entity={entity} onTaken={show} />;
  if (!current) return <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t('work.none')}>{take}</Empty>;
  const aside = shown.filter((field) => field.name !== entity.title && field.name !== 'number' && !isState(field));
  const total = list.data.total ?? items.length;
  return (
    <div className="work">
      <nav className="work-queue" aria-label={t('work.queue')}>
        <div className="work-take">{take}</div>
        <ul>
          {items.map((record, index) => (
            <li key={record.id}>
              <button type="button" className={record.id === current.id ? 'work-item work-item-chosen' : 'work-item'} aria-current={record.id === current.id || undefined} onClick={() => choose(index)}>
                <span className="work-title">{titleOf(entity, record)}</span>
                <StateLabel entity={entity} state={record.state} />
                <span className="work-aside">{aside.map((field) => valueText(entity, field, record)).filter(Boolean).slice(0, 2).join(' · ')}</span>
              </button>
            </li>
          ))}
        </ul>
        {total > items.length && <p className="muted work-more">{t('work.more', { count: total - items.length })}</p>}
      </nav>
      <Current key={current.id} entity={entity} record={current} fields={shown}>
        <span className="work-steps">
          <Button size="small" disabled={at === 0} onClick={() => choose(at - 1)}>{t('work.previous')}</Button>
          <span className="muted number">{t('work.at', { at: at + 1, count: total })}</span>
          <Button size="small" disabled={at === items.length - 1} onClick={() => choose(at + 1)}>{t('work.next')}</Button>
        </span>
      </Current>
    </div>
  );
}

const isPhone = (field: Field) => field.type === 'text' && /(^|_)(phone|mobile|tel)(_|$)/.test(field.name);

/** Numbers that a telephone can dial; of masked ones there is nothing to dial. */
function numbersOf(entity: Entity, record: RecordData): { number: string; whose: string }[] {
  const found: { number: string; whose: string }[] = [];
  const add = (value: unknown, whose: string) => {
    if (typeof value === 'string' && /^\+?[\d\s()/-]{5,}$/.test(value) && !found.some((one) => one.number === value)) found.push({ number: value, whose });
  };
  for (const field of entity.fields) {
    if (isPhone(field)) add(record[field.name], field.label);
    for (const one of field.type === 'ref' ? expandedOf(record, field.name) : []) {
      for (const [name, value] of Object.entries(one as Expanded & Record<string, unknown>)) if (!['id', 'title', 'expanded'].includes(name)) add(value, one.title ?? '');
    }
  }
  return found;
}

function Current({ entity, record, fields, children }: { entity: Entity; record: RecordData; fields: Field[]; children: React.ReactNode }) {
  const { t } = useTranslation();
  const formFields = (mainForm(entity)?.groups ?? []).flatMap((group) => group.fields).map((name) => fieldOf(entity, name)).filter((field): field is Field => !!field);
  const all = [...new Set([...fields, ...formFields])].filter((field) => !isState(field) && field.name !== 'number' && record[field.name] != null && record[field.name] !== '');
  return (
    <article className="work-record" aria-label={titleOf(entity, record)}>
      <div className="block-head">
        <h3>
          {titleOf(entity, record)} <StateLabel entity={entity} state={record.state} strong />
        </h3>
        {children}
      </div>
      {numbersOf(entity, record).length > 0 && (
        <p className="work-phones">
          {numbersOf(entity, record).map(({ number, whose }) => (
            <Button key={number} type="primary" ghost size="large" icon={<PhoneOutlined aria-hidden />} href={`tel:${number.replace(/[^\d+]/g, '')}`} aria-label={`${t('work.call', { number })} ${whose}`}>
              {number}
            </Button>
          ))}
        </p>
      )}
      <dl className="field-list">
        {all.map((field) => (
          <div key={field.name} className={field.type === 'json' || field.multiline ? 'field field-wide' : 'field'}>
            <dt><FieldLabel field={field} /></dt>
            <dd><FieldValue entity={entity} field={field} record={record} /></dd>
          </div>
        ))}
      </dl>
      <TransitionButtons entity={entity} record={record} inline />
      <p className="work-open"><Link to={recordPagePath(entity.name, record.id)}>{t('work.openRecord')}</Link></p>
    </article>
  );
}
