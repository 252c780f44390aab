import PlusOutlined from '@ant-design/icons/es/icons/PlusOutlined';
import { useQuery } from '@tanstack/react-query';
import { Button, Card } from 'antd';
import { useTranslation } from 'react-i18next';
import { Link, useNavigate } from 'react-router';
import type { Entity, Field, RecordData } from '../api/types';
import { printConditions } from '../filter';
import { useWatch } from '../live';
import { expansion, fieldOf, isState, titleOf } from '../model';
import { createPath, listPath, recordPagePath } from '../paths';
import { useApi, useLanguage } from '../services';
import { useSession } from '../session';
import { FieldValue } from './field_value';

const few = 5;
/** Columns beside the title. */
const fewColumns = 3;

/** Lists of the records that refer to this one, by each field that can. */
export default function Related({ entity, record }: { entity: Entity; record: RecordData }) {
  const { model } = useSession();
  const links = Object.values(model.entities).flatMap((other) =>
    // Of the core's own records (notices, saved views) each user has plenty; they are no part of somebody's file.
    other.module === 'core' ? [] : other.fields.filter((field) => (field.type === 'ref' || field.type === 'refs') && field.to === entity.name && !field.system).map((field) => ({ other, field })),
  );
  return links.map(({ other, field }) => <RelatedList key={`${other.name}.${field.name}`} of={entity} record={record} other={other} field={field} several={links.filter((one) => one.other === other).length > 1} />);
}

function RelatedList({ of, record, other, field, several }: { of: Entity; record: RecordData; other: Entity; field: Field; several: boolean }) {
  const { t } = useTranslation();
  const api = useApi();
  const navigate = useNavigate();
  const { language } = useLanguage();
  useWatch(other.name);
  const view = other.views.find((one) => one.type === 'list') ?? other.views[0];
  const columns = (view?.columns ?? []).filter((name) => name !== field.name && name !== other.title && name !== 'number').map((name) => fieldOf(other, name)).filter((one): one is Field => !!one);
  const shown = [...columns.filter(isState), ...columns.filter((one) => !isState(one))].slice(0, fewColumns);
  const filter = field.type === 'refs' ? `${record.id} in record.${field.name}` : `record.${field.name} == ${record.id}`;
  const list = useQuery({
    queryKey: ['list', other.name, 'related', of.name, record.id, field.name, language],
    queryFn: ({ signal }) => api.get('/records/{entity}', { path: { entity: other.name }, query: { filter, sort: '-created_at', limit: few, count: '1', expand: expansion(other, [other.title, ...shown.map((one) => one.name)]) }, signal }),
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
              onClick={() => void navigate(createPath(other.name), { state: { preset: { field: field.name, id: record.id, title: titleOf(of, record) } } })}
            />
          )}
        </span>
      }
    >
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
