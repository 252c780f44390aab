import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Alert, App, Button, Skeleton, Table, Tag } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { LoadError } from '../components/load_state';
import { fieldOf } from '../model';
import { useApi } from '../services';
import { useSession } from '../session';
import { AdminPage, EntityName, useAct } from './parts';

/** What can be found by words, how far the index is behind the records, and building it anew. */
export default function SearchAdminPage() {
  const { t } = useTranslation();
  const api = useApi();
  const queries = useQueryClient();
  const act = useAct();
  const { model } = useSession();
  const { modal } = App.useApp();
  const [chosen, setChosen] = useState<string[]>([]);
  const index = useQuery({ queryKey: ['search-index'], queryFn: ({ signal }) => api.get('/admin/search', { signal }), refetchInterval: 3000 });
  const rebuild = (entities: string[]) =>
    modal.confirm({
      title: entities.length > 0 ? t('searchAdmin.rebuildSome', { count: entities.length }) : t('searchAdmin.rebuildAll'),
      content: t('searchAdmin.rebuildText'),
      okText: t('searchAdmin.rebuild'),
      cancelText: t('form.cancel'),
      onOk: async () => {
        await act(() => api.post('/admin/search/rebuild', entities.length > 0 ? { entities } : {}), t('searchAdmin.started'));
        setChosen([]);
        void queries.invalidateQueries({ queryKey: ['search-index'] });
      },
    });
  const data = index.data;
  return (
    <AdminPage
      title={t('searchAdmin.title')}
      actions={<Button type="primary" disabled={!data} onClick={() => rebuild(chosen)}>{chosen.length > 0 ? t('searchAdmin.rebuildSome', { count: chosen.length }) : t('searchAdmin.rebuildAll')}</Button>}
    >
      {index.isError && !data ? (
        <LoadError error={index.error} onRetry={() => void index.refetch()} />
      ) : !data ? (
        <Skeleton active />
      ) : (
        <>
          <div className="figures panel section section-body" role="status">
            <span>{t('searchAdmin.lag')} <strong>{t('jobs.seconds', { count: data.lag_seconds })}</strong></span>
            <span>{t('searchAdmin.waiting')} <strong>{data.waiting}</strong></span>
            <span>{t('searchAdmin.dead')} <strong className={data.dead > 0 ? 'count-failed' : ''}>{data.dead}</strong></span>
          </div>
          {data.dead > 0 && <Alert className="section" type="warning" showIcon title={t('searchAdmin.deadText')} />}
          <section className="panel" aria-label={t('searchAdmin.title')}>
            <Table
              size="small"
              className="plain-rows"
              rowKey="entity"
              pagination={false}
              scroll={{ x: 'max-content' }}
              dataSource={data.items}
              rowSelection={{ selectedRowKeys: chosen, onChange: (keys) => setChosen(keys.map(String)), getCheckboxProps: (row) => ({ 'aria-label': model.entities[row.entity]?.label ?? row.entity }) as object, hideSelectAll: true }}
              columns={[
                { title: t('audit.entity'), render: (_, row) => <EntityName name={row.entity} /> },
                { title: t('searchAdmin.state'), render: (_, row) => <Tag className={row.complete ? 'tag-done' : 'tag-open'}>{row.complete ? t('searchAdmin.complete') : t('searchAdmin.building')}</Tag> },
                { title: t('searchAdmin.fields'), className: 'cell-text', render: (_, row) => row.fields.map((name) => { const of = model.entities[row.entity]; return (of && fieldOf(of, name)?.label) ?? name; }).join(', ') },
              ]}
            />
          </section>
        </>
      )}
    </AdminPage>
  );
}
