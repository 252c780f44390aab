import { useQueryClient } from '@tanstack/react-query';
import { Alert, App, Button, Tag } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ApiError } from '../api/client';
import type { components } from '../api/schema';
import { useApi } from '../services';
import { useErrorText } from '../use_error_text';
import { Findings, findingsOf, type Finding } from './findings';
import { AdminPage, At, Paged } from './parts';

type Revision = components['schemas']['RevisionPage']['items'][number];

/** Published sets of definitions: which one is in use, reading the files again, going back to an earlier one. */
export default function ConfigurationPage() {
  const { t } = useTranslation();
  const api = useApi();
  const queries = useQueryClient();
  const errorText = useErrorText();
  const { message, modal } = App.useApp();
  const [working, setWorking] = useState<string | null>(null);
  const [result, setResult] = useState<{ text: string; errors: Finding[]; warnings: Finding[] } | null>(null);

  const put = async (key: string, work: () => Promise<components['schemas']['ReloadResult']>) => {
    setWorking(key);
    setResult(null);
    try {
      const answer = await work();
      const warnings = findingsOf(answer.warnings);
      void message.success(t(answer.changed ? 'configuration.changed' : 'configuration.unchanged'));
      setResult({ text: t(answer.changed ? 'configuration.changed' : 'configuration.unchanged'), errors: [], warnings });
      if (answer.changed) await queries.invalidateQueries({ queryKey: ['model'] });
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) return;
      setResult({ text: errorText(error), errors: error instanceof ApiError ? findingsOf(error.errors) : [], warnings: [] });
    } finally {
      setWorking(null);
      void queries.invalidateQueries({ queryKey: ['revisions'] });
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
    <AdminPage
      title={t('configuration.title')}
      actions={
        <Button type="primary" loading={working === ''} onClick={() => void put('', () => api.post('/admin/reload', undefined as never))}>
          {t('configuration.reload')}
        </Button>
      }
    >
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
          label={t('configuration.title')}
          rowKey="id"
          empty={t('configuration.none')}
          load={(before, signal) => api.get('/admin/revisions', { query: { limit: 30, before }, signal })}
          columns={[
            { title: t('configuration.revision'), className: 'cell-number', render: (_, one) => one.id },
            { title: t('rules.at'), render: (_, one) => <At time={one.created_at} seconds /> },
            { title: t('configuration.author'), dataIndex: 'author' },
            { title: t('configuration.note'), dataIndex: 'note' },
            { title: t('configuration.hash'), render: (_, one) => <code title={one.hash}>{one.hash.slice(0, 12)}</code> },
            {
              title: t('rules.standing'),
              render: (_, one) =>
                one.active ? (
                  <Tag className="tag-done">{t('configuration.inUse')}</Tag>
                ) : (
                  <Button size="small" loading={working === one.id} onClick={() => activate(one)} aria-label={`${t('configuration.activate')} ${one.id}`}>
                    {t('configuration.activate')}
                  </Button>
                ),
            },
          ]}
        />
      </div>
    </AdminPage>
  );
}
