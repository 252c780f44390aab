import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Alert, App, Button, Collapse, Drawer, Empty, Select, Skeleton, Table, Tag } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { At, Paged } from '../admin/parts';
import { Findings, findingsOf, type Finding } from '../admin/findings';
import { ApiError } from '../api/client';
import type { components } from '../api/schema';
import { LoadError } from '../components/load_state';
import { useApi } from '../services';
import { useErrorText } from '../use_error_text';
import { Diff, useKindName, useLayerName } from './parts';

type Schemas = components['schemas'];
type Revision = Schemas['RevisionPage']['items'][number];
type Deed = Schemas['DefinitionHistory']['items'][number];

/** Published revisions: what each changed, and putting an earlier one in use again. */
export function Revisions() {
  const { t } = useTranslation();
  const api = useApi();
  const queries = useQueryClient();
  const errorText = useErrorText();
  const { message, modal } = App.useApp();
  const [working, setWorking] = useState<string | null>(null);
  const [shown, setShown] = useState<Revision | null>(null);
  const [result, setResult] = useState<{ text: string; errors: Finding[]; warnings: Finding[] } | null>(null);

  const put = async (key: string, work: () => Promise<Schemas['ReloadResult']>) => {
    setWorking(key);
    setResult(null);
    try {
      const answer = await work();
      const text = t(answer.changed ? 'configuration.changed' : 'configuration.unchanged');
      void message.success(text);
      setResult({ text, errors: [], warnings: findingsOf(answer.warnings) });
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) return;
      setResult({ text: errorText(error), errors: error instanceof ApiError ? findingsOf(error.errors) : [], warnings: [] });
    } finally {
      setWorking(null);
      setShown(null);
      void queries.invalidateQueries();
    }
  };
  const activate = (revision: Revision) =>
    modal.confirm({
      title: t('configuration.activateTitle', { id: revision.id }),
      content: t('configuration.activateText'),
      okText: t('configuration.activate'),
      cancelText: t('form.cancel'),
      onOk: () => put(revision.id, () => api.post('/admin/revisions/{id}/activate', undefined as never, { path: { id: revision.id } })),
    });
  return (
    <>
      <div className="toolbar-line">
        <Button loading={working === ''} onClick={() => void put('', () => api.post('/admin/reload', undefined as never))}>
          {t('configuration.reload')}
        </Button>
      </div>
      {result && (
        <div role="status" className="section">
          <Alert
            type={result.errors.length > 0 ? 'error' : result.warnings.length > 0 ? 'warning' : 'info'}
            showIcon
            title={result.text}
            description={
              <>
                <Findings items={result.errors} grave />
                <Findings items={result.warnings} grave={false} />
              </>
            }
          />
        </div>
      )}
      <div className="panel">
        <Paged<Revision>
          queryKey={['revisions']}
          label={t('definitions.revisions')}
          rowKey="id"
          empty={t('configuration.none')}
          load={(before, signal) => api.get('/admin/revisions', { query: { limit: 30, before }, signal })}
          columns={[
            { title: t('configuration.revision'), className: 'cell-number', render: (_, one) => one.id },
            { title: t('rules.at'), render: (_, one) => <At time={one.created_at} seconds /> },
            { title: t('configuration.author'), render: (_, one) => (one.author === 'system' ? t('timeline.system') : one.author) },
            { title: t('configuration.note'), render: (_, one) => (one.author === 'system' && one.note === 'start' ? t('configuration.noteStart') : one.note) },
            { title: t('configuration.hash'), render: (_, one) => <code title={one.hash}>{one.hash.slice(0, 12)}</code> },
            {
              title: t('rules.standing'),
              render: (_, one) => (
                <span className="row-actions">
                  <Button size="small" onClick={() => setShown(one)} aria-label={t('definitions.compareOf', { id: one.id })}>
                    {t('definitions.compare')}
                  </Button>
                  {one.active ? (
                    <Tag className="tag-done">{t('configuration.inUse')}</Tag>
                  ) : (
                    <Button size="small" loading={working === one.id} onClick={() => activate(one)} aria-label={`${t('configuration.activate')} ${one.id}`}>
                      {t('configuration.activate')}
                    </Button>
                  )}
                </span>
              ),
            },
          ]}
        />
      </div>
      <h2 className="history-title">{t('definitions.history')}</h2>
      <div className="panel">
        <Paged<Deed>
          queryKey={['definition-history']}
          label={t('definitions.history')}
          rowKey="id"
          empty={t('definitions.noHistory')}
          load={(before, signal) => api.get('/admin/config/history', { query: { limit: 20, before }, signal })}
          columns={[
            { title: t('rules.at'), render: (_, one) => <At time={one.at} seconds /> },
            { title: t('configuration.author'), dataIndex: 'by' },
            { title: t('definitions.deed'), render: (_, one) => t(`definitions.deed_${one.action}`) },
            { title: t('configuration.revision'), className: 'cell-number', dataIndex: 'revision' },
            { title: t('definitions.documents'), dataIndex: 'detail' },
          ]}
        />
      </div>
      {shown && <Comparison revision={shown} onClose={() => setShown(null)} onActivate={shown.active ? undefined : () => activate(shown)} />}
    </>
  );
}

/** What one revision has that another has not. */
function Comparison({ revision, onClose, onActivate }: { revision: Revision; onClose: () => void; onActivate: (() => void) | undefined }) {
  const { t } = useTranslation();
  const api = useApi();
  const kindName = useKindName();
  const layerName = useLayerName();
  const list = useQuery({ queryKey: ['revisions', 'choice'], queryFn: ({ signal }) => api.get('/admin/revisions', { query: { limit: 200 }, signal }) });
  const ids = list.data?.items.map((one) => one.id) ?? [];
  // The one in use is compared with the one before it, an earlier one with the one in use.
  const usual = revision.active ? ids.find((id) => Number(id) < Number(revision.id)) : list.data?.items.find((one) => one.active)?.id;
  const [chosen, setChosen] = useState<string | null>(null);
  const other = chosen ?? usual;
  const [from, to] = other && Number(other) < Number(revision.id) ? [other, revision.id] : [revision.id, other];
  const compared = useQuery({
    queryKey: ['definitions', 'compare', from, to],
    queryFn: ({ signal }) => api.get('/admin/config/compare', { query: { from: from!, to: to! }, signal }),
    enabled: Boolean(other),
  });
  return (
    <Drawer open size={820} title={t('definitions.revisionTitle', { id: revision.id })} onClose={onClose} extra={onActivate && <Button onClick={onActivate}>{t('configuration.activate')}</Button>}>
      <div className="publish">
        {revision.note && <p>{revision.note}</p>}
        <label className="publish-word">
          <span>{t('definitions.compareWith')}</span>
          <Select
            aria-label={t('definitions.compareWith')}
            value={other ?? null}
            onChange={(id: string) => setChosen(id)}
            options={(list.data?.items ?? []).filter((one) => one.id !== revision.id).map((one) => ({ value: one.id, label: [one.id, one.active ? t('configuration.inUse') : '', one.note].filter(Boolean).join(' · ') }))}
          />
        </label>
        {!other && list.data ? (
          <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t('definitions.onlyOne')} />
        ) : compared.isError ? (
          <LoadError error={compared.error} onRetry={() => void compared.refetch()} />
        ) : !compared.data ? (
          <Skeleton active />
        ) : compared.data.items.length === 0 ? (
          <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t('definitions.alike')} />
        ) : (
          <>
            <p className="muted">{t('definitions.fromTo', { from, to })}</p>
            <Collapse
              size="small"
              defaultActiveKey={compared.data.items.length <= 3 ? compared.data.items.map((_, index) => String(index)) : []}
              items={compared.data.items.map((one, index) => ({
                key: String(index),
                label: `${kindName(one.kind)} ${one.name} · ${layerName(one.layer)}`,
                children: <Diff before={one.before?.text ?? ''} after={one.after?.text ?? ''} label={t('definitions.changesOf', { name: one.name })} />,
              }))}
            />
          </>
        )}
      </div>
    </Drawer>
  );
}

type Change = Schemas['DefinitionUpgrade']['items'][number];

/** What another version of a plugin changed, and where it met what the agency says itself. */
export function Upgrades({ onGo }: { onGo: (place: { kind: string; name: string; line: number; column: number }) => void }) {
  const { t } = useTranslation();
  const api = useApi();
  const kindName = useKindName();
  const layerName = useLayerName();
  const [all, setAll] = useState<'own' | 'all'>('own');
  const upgrade = useQuery({ queryKey: ['definitions', 'upgrade'], queryFn: ({ signal }) => api.get('/admin/config/upgrade', { signal }) });
  if (upgrade.isPending) return <Skeleton active className="skeleton" />;
  if (upgrade.isError) return <LoadError error={upgrade.error} onRetry={() => void upgrade.refetch()} />;
  const { from, to, plugins, items } = upgrade.data;
  if (!from) return <Empty description={t('definitions.noUpgrade')} />;
  const shown = items.filter((one) => all === 'all' || one.effect !== 'takes_effect');
  const value = (saying: Change['before']) => (saying && !saying.removed ? <code>{saying.value}</code> : <span className="muted">{t('value.empty')}</span>);
  return (
    <>
      <p>
        {t('definitions.upgradeOf', { from, to })} {plugins.map((one) => <Tag key={one.name}>{`${one.name}: ${t(`definitions.plugin_${one.change}`)}`}</Tag>)}
      </p>
      <div className="toolbar-line">
        <Select
          aria-label={t('definitions.which')}
          className="wide-select"
          value={all}
          onChange={(next: 'own' | 'all') => setAll(next)}
          options={[
            { value: 'own', label: t('definitions.underOwn', { count: items.filter((one) => one.effect !== 'takes_effect').length }) },
            { value: 'all', label: t('definitions.allChanges', { count: items.length }) },
          ]}
        />
      </div>
      <div className="panel">
        <Table<Change>
          size="small"
          className="plain-rows"
          aria-label={t('definitions.upgrades')}
          rowKey={(one) => `${one.kind}/${one.name}/${one.path}`}
          dataSource={shown}
          pagination={{ pageSize: 50, hideOnSinglePage: true, showSizeChanger: false }}
          scroll={{ x: 'max-content' }}
          locale={{ emptyText: <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t('definitions.nothingUnderOwn')} /> }}
          columns={[
            {
              title: t('definitions.definition'),
              render: (_, one) => (
                <button type="button" className="link-like" onClick={() => onGo({ kind: one.kind, name: one.name, line: 0, column: 0 })}>
                  {`${kindName(one.kind)} ${one.name}`}
                </button>
              ),
            },
            { title: t('definitions.word'), render: (_, one) => <code>{one.path}</code> },
            { title: t('definitions.before'), render: (_, one) => value(one.before) },
            { title: t('definitions.after'), render: (_, one) => value(one.after) },
            { title: t('definitions.yours'), render: (_, one) => (one.agency ? <span title={`${one.agency.file}:${one.agency.line}`}>{value(one.agency)} <span className="muted">{layerName(one.agency.layer)}</span></span> : value(null)) },
            { title: t('definitions.effect'), render: (_, one) => <Tag className={one.effect === 'orphaned' ? 'tag-failed' : one.effect === 'overridden' ? 'tag-waiting' : 'tag-done'}>{t(`definitions.effect_${one.effect}`)}</Tag> },
          ]}
        />
      </div>
    </>
  );
}
