import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { Empty, Skeleton, Table } from 'antd';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import type { Entity, Field, RecordData, ViewDefinition } from '../api/types';
import { FieldValue } from '../components/field_value';
import { LoadError } from '../components/load_state';
import { expansion, fieldOf, ownLink } from '../model';
import { recordPagePath } from '../paths';
import { useApi, useLanguage } from '../services';
import { viewParameter } from '../views/types';

const rows = 10;

/** The first records of a list; the whole list is a link away. */
export function ListBlock({ entity, view }: { entity: Entity; view: ViewDefinition }) {
  const { t } = useTranslation();
  const { language } = useLanguage();
  const api = useApi();
  const query = { view: viewParameter(view), sort: view.sort, limit: rows, expand: expansion(entity, view.columns) };
  const list = useQuery({
    queryKey: ['list', entity.name, 'block', query, language],
    queryFn: ({ signal }) => api.get('/records/{entity}', { path: { entity: entity.name }, query, signal }),
    placeholderData: keepPreviousData,
  });
  const fields = view.columns.map((name) => fieldOf(entity, name)).filter((field): field is Field => !!field);
  if (list.isError && !list.data) return <LoadError error={list.error} onRetry={() => void list.refetch()} />;
  if (!list.data) return <Skeleton active title={false} paragraph={{ rows: 5, width: '100%' }} />;
  return (
    <Table<RecordData>
      size="small"
      rowKey="id"
      expandable={{ childrenColumnName: ' ' }}
      dataSource={list.data.items}
      pagination={false}
      scroll={{ x: 'max-content' }}
      columns={fields.map((field, index) => ({
        key: field.name,
        title: field.label,
        className: ['int', 'decimal', 'money'].includes(field.type) ? 'cell-number' : 'cell',
        render: (_: unknown, record: RecordData) =>
          index === 0 ? (
            <Link to={recordPagePath(entity.name, record.id)} className="row-link">
              {ownLink(entity, field, record) ?? <FieldValue entity={entity} field={field} record={record} />}
            </Link>
          ) : (
            <FieldValue entity={entity} field={field} record={record} />
          ),
      }))}
      locale={{ emptyText: <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t('list.empty', { entity: entity.plural || entity.label })} /> }}
    />
  );
}
