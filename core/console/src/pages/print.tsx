import PrinterOutlined from '@ant-design/icons/es/icons/PrinterOutlined';
import { useQueries } from '@tanstack/react-query';
import { Button, Checkbox, Skeleton } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useParams } from 'react-router';
import { ApiError } from '../api/client';
import type { Entity, Field, RecordData } from '../api/types';
import { isColor, isLogo } from '../brand';
import { FieldValue, StateLabel, useValueText } from '../components/field_value';
import { LinkButton } from '../components/link_button';
import { LoadError } from '../components/load_state';
import { PageHead } from '../components/page_head';
import { formatInstant } from '../format';
import { fieldOf, isState, mainForm, referringTo, titleOf } from '../model';
import { listPath, recordPagePath } from '../paths';
import { partsQuery, useRecord } from '../record_queries';
import { useApi, useLanguage } from '../services';
import { useSession } from '../session';
import { useTitle } from '../use_title';

const isFilled = (record: RecordData, field: Field) => record[field.name] !== null && record[field.name] !== undefined && record[field.name] !== '';
const isNumber = (field: Field) => ['int', 'decimal', 'money'].includes(field.type);

/** A record as a document on paper: the agency's logo and name, its fields, its parts. */
export default function PrintPage() {
  const { t } = useTranslation();
  const { entity: name = '', id = '' } = useParams();
  const { model } = useSession();
  const entity = model.entities[name];
  const record = useRecord(entity, name, id);
  if (!entity) return <LoadError error={new ApiError(404, {})} onRetry={() => undefined} notFound={t('error.entityMissingText')} />;
  if (record.isError && !record.data) return <LoadError error={record.error} onRetry={() => void record.refetch()} back={listPath(name)} />;
  return record.data ? <Sheet entity={entity} record={record.data} /> : <div className="page"><Skeleton active /></div>;
}

function Sheet({ entity, record }: { entity: Entity; record: RecordData }) {
  const { t } = useTranslation();
  const api = useApi();
  const { language } = useLanguage();
  const { model, locale } = useSession();
  const valueText = useValueText();
  const title = titleOf(entity, record);
  useTitle(title, model.agency.name);
  const [made] = useState(() => new Date().toISOString());
  const groups = (mainForm(entity)?.groups ?? [])
    .map((group) => ({ ...group, shown: group.fields.map((one) => fieldOf(entity, one)).filter((field): field is Field => !!field && field.name !== entity.title && isFilled(record, field)) }))
    .filter((group) => group.shown.length > 0);
  const links = referringTo(model, entity);
  const [shown, setShown] = useState<readonly string[] | null>(null);
  const key = (link: (typeof links)[number]) => `${link.entity.name}.${link.field.name}`;
  // Parts belong to the document; what merely refers to it is put in on demand, and so is what the office keeps to itself.
  const chosen = shown ?? [...groups.map((group) => group.name), ...links.filter((link) => link.part).map(key)];
  const lists = useQueries({ queries: links.map((link) => ({ ...partsQuery(api, link, record.id, language), enabled: chosen.includes(key(link)) })) });
  return (
    <div className="page print-page">
      <div className="no-print">
        <PageHead
          trail={[{ label: entity.plural || entity.label, to: listPath(entity.name) }, { label: title, to: recordPagePath(entity.name, record.id) }]}
          title={t('print.page')}
          actions={
            <>
              <LinkButton to={recordPagePath(entity.name, record.id)}>{t('print.back')}</LinkButton>
              <Button type="primary" icon={<PrinterOutlined aria-hidden />} onClick={() => window.print()}>{t('print.title')}</Button>
            </>
          }
        />
        <div className="panel print-parts" role="group" aria-label={t('print.parts')}>
          <strong>{t('print.parts')}</strong>
          <Checkbox.Group
            value={[...chosen]}
            onChange={(names) => setShown(names)}
            options={[
              ...groups.map((group) => ({ value: group.name, label: group.label || t('record.details') })),
              ...links.map((link) => ({ value: key(link), label: link.entity.plural || link.entity.label })),
            ]}
          />
        </div>
      </div>
      <article className="sheet">
        <header className="sheet-head" style={isColor(model.agency.color) ? { borderColor: model.agency.color } : undefined}>
          <p className="sheet-agency">
            {isLogo(model.agency.logo) && <img src={model.agency.logo} alt="" />}
            {model.agency.name}
          </p>
          <p className="sheet-kind">{entity.label}</p>
        </header>
        <h2 className="sheet-title">{title}</h2>
        <p className="sheet-line">
          {record.number && record.number !== title && <span>{t('print.number', { number: record.number })}</span>}
          {record.state && <StateLabel entity={entity} state={record.state} />}
        </p>
        {groups.filter((group) => chosen.includes(group.name)).map((group) => (
          <section key={group.name}>
            {group.label && <h3>{group.label}</h3>}
            <dl className="sheet-fields">
              {group.shown.map((field) => (
                <div key={field.name} className={field.multiline || field.type === 'json' ? 'sheet-wide' : ''}>
                  <dt>{field.label}</dt>
                  <dd>{field.type === 'image' || field.multiline ? <FieldValue entity={entity} field={field} record={record} /> : valueText(entity, field, record)}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
        {links.map((link, index) => {
          const items = lists[index]?.data?.items ?? [];
          return chosen.includes(key(link)) && items.length > 0 ? <Part key={key(link)} entity={link.entity} by={link.field} items={items} /> : null;
        })}
        <footer className="sheet-foot">{t('print.made', { time: formatInstant(made, locale.locale, locale.timeZone) })}</footer>
      </article>
    </div>
  );
}

function Part({ entity, by, items }: { entity: Entity; by: Field; items: RecordData[] }) {
  const valueText = useValueText();
  const view = entity.views.find((one) => one.type === 'list') ?? entity.views[0];
  const fields = (view?.columns ?? []).filter((name) => name !== by.name).map((name) => fieldOf(entity, name)).filter((field): field is Field => !!field && !isState(field) && items.some((item) => isFilled(item, field)));
  return (
    <section>
      <h3>{entity.plural || entity.label}</h3>
      <table>
        <thead>
          <tr>{fields.map((field) => <th key={field.name} scope="col" className={isNumber(field) ? 'sheet-number' : ''}>{field.label}</th>)}</tr>
        </thead>
        <tbody>
          {items.map((item) => (
            <tr key={item.id}>{fields.map((field) => <td key={field.name} className={isNumber(field) ? 'sheet-number' : ''}>{valueText(entity, field, item)}</td>)}</tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
