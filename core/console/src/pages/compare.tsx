import { useQueries } from '@tanstack/react-query';
import { Skeleton, Switch } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useParams, useSearchParams } from 'react-router';
import { ApiError } from '../api/client';
import type { Entity, Field, RecordData } from '../api/types';
import { StateLabel, useValueText } from '../components/field_value';
import { LoadError } from '../components/load_state';
import { PageHead } from '../components/page_head';
import { fieldOf, isState, mainForm, referringTo, titleOf } from '../model';
import { listPath, recordPagePath } from '../paths';
import { fetchRecord, partsQuery, recordKey } from '../record_queries';
import { useApi, useLanguage } from '../services';
import { useSession } from '../session';
import { useTitle } from '../use_title';

const most = 4;

/** Records beside each other, field by field and part by part; what differs stands out. */
export default function ComparePage() {
  const { t } = useTranslation();
  const { entity: name = '' } = useParams();
  const [params] = useSearchParams();
  const { model } = useSession();
  const api = useApi();
  const entity = model.entities[name];
  const ids = [...new Set((params.get('ids') ?? '').split(',').filter((id) => /^\d{1,20}$/.test(id)))].slice(0, most);
  const records = useQueries({ queries: entity ? ids.map((id) => ({ queryKey: recordKey(name, id), queryFn: ({ signal }: { signal: AbortSignal }) => fetchRecord(api, entity, id, signal) })) : [] });
  if (!entity) return <LoadError error={new ApiError(404, {})} onRetry={() => undefined} notFound={t('error.entityMissingText')} />;
  if (ids.length < 2) return <LoadError error={new ApiError(404, {})} onRetry={() => undefined} notFound={t('compare.two')} back={listPath(name)} />;
  const failed = records.find((one) => one.isError && !one.data);
  if (failed) return <LoadError error={failed.error} onRetry={() => void failed.refetch()} back={listPath(name)} />;
  const loaded = records.map((one) => one.data).filter((one) => one !== undefined);
  return loaded.length === ids.length ? <Columns entity={entity} records={loaded} /> : <div className="page"><Skeleton active paragraph={{ rows: 10 }} /></div>;
}

interface Row {
  key: string;
  label: string;
  texts: string[];
}

function Columns({ entity, records }: { entity: Entity; records: RecordData[] }) {
  const { t } = useTranslation();
  const api = useApi();
  const { language } = useLanguage();
  const { model } = useSession();
  const valueText = useValueText();
  const [only, setOnly] = useState(false);
  useTitle(t('compare.heading', { entity: entity.plural || entity.label }), model.agency.name);
  const inForm = (mainForm(entity)?.groups ?? []).flatMap((group) => group.fields);
  const fields = [...inForm, ...entity.fields.filter((field) => !field.system && !inForm.includes(field.name)).map((field) => field.name)]
    .map((name) => fieldOf(entity, name))
    .filter((field): field is Field => !!field && !isState(field));
  const parts = referringTo(model, entity).filter((link) => link.part);
  const lists = useQueries({ queries: parts.flatMap((link) => records.map((record) => partsQuery(api, link, record.id, language))) });
  const rows: Row[] = [
    ...fields.map((field) => ({ key: field.name, label: field.label, texts: records.map((record) => valueText(entity, field, record)) })),
    ...parts.map((link, at) => ({
      key: `${link.entity.name}.${link.field.name}`,
      label: link.entity.plural || link.entity.label,
      texts: records.map((_, index) => (lists[at * records.length + index]?.data?.items ?? []).map((item) => partText(link.entity, link.field, item, valueText)).join('\n')),
    })),
  ].filter((row) => row.texts.some((text) => text !== ''));
  const differs = (row: Row) => new Set(row.texts).size > 1;
  const shown = rows.filter((row) => !only || differs(row));
  return (
    <div className="page">
      <PageHead
        trail={[{ label: entity.plural || entity.label, to: listPath(entity.name) }]}
        title={t('compare.heading', { entity: entity.plural || entity.label })}
        actions={
          <label className="parameter">
            <Switch checked={only} onChange={setOnly} aria-label={t('compare.onlyDifferent')} /> <span aria-hidden>{t('compare.onlyDifferent')}</span>
          </label>
        }
      />
      <div className="panel table-scroll" role="region" aria-label={t('compare.title')} tabIndex={0}>
        <table className="conflict compare">
          <thead>
            <tr>
              <td />
              {records.map((record) => (
                <th key={record.id} scope="col">
                  <Link to={recordPagePath(entity.name, record.id)}>{titleOf(entity, record)}</Link>
                  {record.number && <span className="muted"> {record.number}</span>}
                  {record.state && <div><StateLabel entity={entity} state={record.state} /></div>}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map((row) => (
              <tr key={row.key} className={differs(row) ? 'compare-differs' : ''}>
                <th scope="row">
                  {row.label}
                  {differs(row) && <span className="hidden-text"> ({t('compare.differs')})</span>}
                </th>
                {row.texts.map((text, index) => <td key={records[index]!.id} className="multiline">{text || <span className="muted">{t('value.empty')}</span>}</td>)}
              </tr>
            ))}
            {shown.length === 0 && <tr><td colSpan={records.length + 1} className="muted">{t('compare.same')}</td></tr>}
          </tbody>
        </table>
      </div>
    </div>
  );
}

/** A part in one line. */
function partText(entity: Entity, by: Field, item: RecordData, valueText: ReturnType<typeof useValueText>): string {
  const view = entity.views.find((one) => one.type === 'list') ?? entity.views[0];
  return (view?.columns ?? [])
    .filter((name) => name !== by.name)
    .map((name) => fieldOf(entity, name))
    .filter((field): field is Field => !!field)
    .map((field) => valueText(entity, field, item))
    .filter(Boolean)
    .join(' · ');
}
