import { useQueryClient } from '@tanstack/react-query';
import { App, Button, Select, Switch } from 'antd';
import { lazy, Suspense, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useSearchParams } from 'react-router';
import { AdminPage, At, Paged, useAct } from '../admin/parts';
import { ApiError } from '../api/client';
import type { components } from '../api/schema';
import { LoadError } from '../components/load_state';
import { duplicateEntities } from '../model';
import { recordPagePath } from '../paths';
import { useApi } from '../services';
import { useSession } from '../session';

const MergeDialog = lazy(() => import('../components/merge_dialog'));

type Pair = components['schemas']['DuplicatePair'];

/** Pairs of records that are probably the same: merged, or said to be two. */
export default function DuplicatesPage() {
  const { t } = useTranslation();
  const api = useApi();
  const queries = useQueryClient();
  const act = useAct();
  const { modal } = App.useApp();
  const { model, user } = useSession();
  const [params, setParams] = useSearchParams();
  const [dismissed, setDismissed] = useState(false);
  const [merging, setMerging] = useState<Pair | null>(null);
  const entities = duplicateEntities(model);
  const entity = entities.find((one) => one.name === params.get('entity')) ?? entities[0];
  if (!entity) return <LoadError error={new ApiError(404, {})} onRetry={() => undefined} notFound={t('duplicates.noRules')} />;
  const reload = () => void queries.invalidateQueries({ queryKey: ['duplicates'] });
  const decide = async (pair: Pair) => {
    await act(
      () => api.post('/records/{entity}/{id}/duplicates/{other}', { dismissed: !pair.dismissed }, { path: { entity: entity.name, id: pair.first.id, other: pair.second.id } }),
      pair.dismissed ? t('duplicates.reopened') : t('duplicates.dismissed'),
    );
    reload();
  };
  const run = () =>
    modal.confirm({
      title: t('duplicates.runTitle', { entity: entity.plural || entity.label }),
      content: t('duplicates.runText'),
      okText: t('duplicates.run'),
      cancelText: t('form.cancel'),
      onOk: () => act(() => api.post('/records/{entity}/duplicates', {} as never, { path: { entity: entity.name } }), t('duplicates.started')),
    });
  const title = (one: Pair['first']) => one.title || `#${one.id}`;
  return (
    <AdminPage title={t('duplicates.title')} actions={user.administrator && <Button type="primary" onClick={run}>{t('duplicates.run')}</Button>}>
      <section className="panel" aria-label={t('duplicates.title')}>
        <div className="toolbar">
          <Select className="wide-select" aria-label={t('audit.entity')} value={entity.name} options={entities.map((one) => ({ value: one.name, label: one.plural || one.label }))} onChange={(name: string) => setParams({ entity: name })} />
          <label className="parameter">
            <Switch checked={dismissed} onChange={setDismissed} aria-label={t('duplicates.showDismissed')} /> <span aria-hidden>{t('duplicates.showDismissed')}</span>
          </label>
          <div className="spacer" />
          <Button type="text" onClick={reload}>{t('list.reload')}</Button>
        </div>
        <Paged<Pair & { key: string }>
          queryKey={['duplicates', entity.name, dismissed]}
          label={t('duplicates.title')}
          rowKey="key"
          empty={dismissed ? t('duplicates.noneDismissed') : t('duplicates.none')}
          load={async (after, signal) => {
            const page = await api.get('/records/{entity}/duplicates', { path: { entity: entity.name }, query: { dismissed: dismissed ? '1' : undefined, limit: 50, after }, signal });
            return { ...page, items: page.items.map((one) => ({ ...one, key: `${one.first.id}/${one.second.id}` })) };
          }}
          columns={[
            { title: t('duplicates.first'), render: (_, pair) => <Link to={recordPagePath(entity.name, pair.first.id)}>{title(pair.first)}</Link> },
            { title: t('duplicates.second'), render: (_, pair) => <Link to={recordPagePath(entity.name, pair.second.id)}>{title(pair.second)}</Link> },
            { title: t('duplicates.score'), className: 'cell-number', dataIndex: 'score' },
            { title: t('duplicates.rule'), render: (_, pair) => <code>{pair.rule}</code> },
            { title: t('duplicates.found'), render: (_, pair) => <At time={pair.found_at} /> },
            {
              title: <span className="hidden-text">{t('record.actions')}</span>,
              render: (_, pair) => (
                <span className="row-actions">
                  {!pair.dismissed && (
                    <Button size="small" type="primary" ghost onClick={() => setMerging(pair)} aria-label={`${t('merge.open')} ${title(pair.first)}`}>
                      {t('merge.open')}
                    </Button>
                  )}
                  <Button size="small" onClick={() => void decide(pair)} aria-label={`${pair.dismissed ? t('duplicates.reopen') : t('duplicates.dismiss')} ${title(pair.first)}`}>
                    {pair.dismissed ? t('duplicates.reopen') : t('duplicates.dismiss')}
                  </Button>
                </span>
              ),
            },
          ]}
        />
      </section>
      {merging && (
        <Suspense fallback={null}>
          <MergeDialog
            entity={entity}
            records={[merging.first, merging.second].map((one) => ({ id: one.id, title: title(one) }))}
            onClose={() => setMerging(null)}
            onDone={() => {
              setMerging(null);
              reload();
            }}
          />
        </Suspense>
      )}
    </AdminPage>
  );
}
