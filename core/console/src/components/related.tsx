import PlusOutlined from '@ant-design/icons/es/icons/PlusOutlined';
import { useQuery } from '@tanstack/react-query';
import { Button, Card } from 'antd';
import { lazy, Suspense, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useNavigate } from 'react-router';
import type { Entity, Field, RecordData } from '../api/types';
import { printConditions } from '../filter';
import { useWatch } from '../live';
import { useRecordChanged } from '../record_queries';
import { expansion, fieldOf, isState, mainForm, pointsTo, referringTo, titleOf } from '../model';
import { createPath, listPath, recordPagePath } from '../paths';
import { useApi, useLanguage } from '../services';
import { useSession } from '../session';
import { FieldValue } from './field_value';

const FormDialog = lazy(async () => ({ default: (await import('../blocks/form_block')).FormDialog }));

const few = 5;
/** Parts are looked at as a whole. */
const manyParts = 50;
/** Columns beside the title. */
const fewColumns = 3;

/** Lists of the records that refer to this one, by each field that can. */
export default function Related({ entity, record }: { entity: Entity; record: RecordData }) {
  const { model } = useSession();
  const links = referringTo(model, entity);
  return links.map(({ entity: other, field, part }) => <RelatedList key={`${other.name}.${field.name}`} of={entity} record={record} other={other} field={field} part={part} several={links.filter((one) => one.entity === other).length > 1} />);
}

function RelatedList({ of, record, other, field, part, several }: { of: Entity; record: RecordData; other: Entity; field: Field; part: boolean; several: boolean }) {
  const { t } = useTranslation();
  const api = useApi();
  const navigate = useNavigate();
  const { language } = useLanguage();
  const changed = useRecordChanged();
  useWatch(other.name);
  const view = other.views.find((one) => one.type === 'list') ?? other.views[0];
  const columns = (view?.columns ?? []).filter((name) => name !== field.name && name !== other.title && name !== 'number').map((name) => fieldOf(other, name)).filter((one): one is Field => !!one);
  const shown = [...columns.filter(isState), ...columns.filter((one) => !isState(one))].slice(0, part ? undefined : fewColumns);
  const [adding, setAdding] = useState(false);
  const form = mainForm(other);
  const filter = pointsTo(field, record.id);
  const list = useQuery({
    queryKey: ['list', other.name, 'related', of.name, record.id, field.name, language],
    queryFn: ({ signal }) => api.get('/records/{entity}', { path: { entity: other.name }, query: { filter, sort: part ? 'id' : '-created_at', limit: part ? manyParts : few, count: '1', expand: expansion(other, [other.title, ...shown.map((one) => one.name)]) }, signal }),
  });
  const items = list.data?.items ?? [];
  if (list.isError || (items.length === 0 && !other.rights.create)) return null;
  const total = list.data?.total ?? items.length;
  const name = other.plural || other.label;
  return (
    <Card
      className="group-card"
      title={<h2>{several ? `${name} · ${field.label}` : name} {total > 0 && <span className="board-count">{total}</span>}</h2>}
      extra={
        <span className="row-actions">
          {total > items.length && <Link to={`${listPath(other.name)}?where=${encodeURIComponent(printConditions([{ field: field.name, op: 'any', value: [record.id] }]))}`}>{t('view.openAll')}</Link>}
          {other.rights.create && (
            <Button
              size="small"
              icon={<PlusOutlined aria-hidden />}
              aria-label={t('list.create', { entity: other.label })}
              title={t('list.create', { entity: other.label })}
              onClick={() => (part && form ? setAdding(true) : void navigate(createPath(other.name), { state: { preset: { field: field.name, id: record.id, title: titleOf(of, record) } } }))}
            />
          )}
        </span>
      }
    >
      {adding && form && (
        <Suspense fallback={null}>
          <FormDialog
            entity={other}
            form={form}
            name="part"
            title={t('list.create', { entity: other.label })}
            preset={{ field: field.name, id: record.id, title: titleOf(of, record) }}
            onClose={() => setAdding(false)}
            onMade={() => {
              setAdding(false);
              // What the parts add up to stands in the record.
              void changed(of.name, record.id);
            }}
          />
        </Suspense>
      )}
      {items.length === 0 ? (
        <p className="muted day-none">{t('list.empty', { entity: name })}</p>
      ) : (
        <div className="table-scroll">
          <table className="conflict related">
            <thead>
              <tr>
                <th scope="col">{other.label}</th>
                {shown.map((one) => <th key={one.name} scope="col">{one.label}</th>)}
              </tr>
            </thead>
            <tbody>
              {items.map((item) => (
                <tr key={item.id}>
                  <th scope="row"><Link to={recordPagePath(other.name, item.id)}>{titleOf(other, item)}</Link></th>
                  {shown.map((one) => <td key={one.name}><FieldValue entity={other} field={one} record={item} /></td>)}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  );
}
