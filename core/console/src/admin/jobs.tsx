import { useQuery, useQueryClient } from '@tanstack/react-query';
import { App, Button, Drawer, Progress, Segmented, Select, Skeleton, Table, Tag } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { components } from '../api/schema';
import { LoadError } from '../components/load_state';
import { useApi } from '../services';
import { AdminPage, At, Paged, useAct } from './parts';

type Job = components['schemas']['Job'];
type JobState = Job['state'];
const states: readonly JobState[] = ['ready', 'running', 'waiting', 'dead'];

/** The durable queue: how much there is, what failed for good, and trying it again. */
export default function JobsPage() {
  const { t } = useTranslation();
  const api = useApi();
  const queries = useQueryClient();
  const act = useAct();
  const { modal } = App.useApp();
  const [state, setState] = useState<'' | JobState>('');
  const [queue, setQueue] = useState<string | undefined>(undefined);
  const [shown, setShown] = useState<string | null>(null);
  const queueName = useQueueName();
  const stats = useQuery({ queryKey: ['jobs', 'stats'], queryFn: ({ signal }) => api.get('/admin/jobs/stats', { signal }), refetchInterval: 5000 });
  const reload = () => void queries.invalidateQueries({ queryKey: ['jobs'] });
  const replay = async (job: Job) => {
    await act(() => api.post('/admin/jobs/{id}/replay', undefined as never, { path: { id: job.id } }), t('jobs.replayed'));
    reload();
  };
  const remove = (job: Job) =>
    modal.confirm({
      title: t('jobs.removeTitle', { kind: job.kind }),
      content: t('jobs.removeText'),
      okText: t('jobs.remove'),
      okButtonProps: { danger: true },
      cancelText: t('form.cancel'),
      onOk: async () => {
        await act(() => api.delete('/admin/jobs/{id}', { path: { id: job.id } }), t('jobs.removed'));
        reload();
      },
    });
  const actions = (job: Job) => (
    <span className="row-actions">
      <Button size="small" onClick={() => setShown(job.id)} aria-label={`${t('jobs.details')} ${job.kind} ${job.id}`}>
        {t('jobs.details')}
      </Button>
      {(job.state === 'dead' || job.state === 'waiting') && (
        <Button size="small" type={job.state === 'dead' ? 'primary' : 'default'} ghost={job.state === 'dead'} onClick={() => void replay(job)} aria-label={`${t('jobs.replay')} ${job.kind} ${job.id}`}>
          {t('jobs.replay')}
        </Button>
      )}
      {job.state === 'dead' && (
        <Button size="small" danger onClick={() => remove(job)} aria-label={`${t('jobs.remove')} ${job.kind} ${job.id}`}>
          {t('jobs.remove')}
        </Button>
      )}
    </span>
  );
  return (
    <AdminPage title={t('jobs.title')}>
      <section className="panel section" aria-label={t('jobs.queues')}>
        {stats.isError && !stats.data ? (
          <LoadError error={stats.error} onRetry={() => void stats.refetch()} />
        ) : !stats.data ? (
          <Skeleton active className="skeleton" title={false} />
        ) : (
          <Table
            size="small"
            className="plain-rows"
            rowKey="queue"
            aria-label={t('jobs.queues')}
            pagination={false}
            scroll={{ x: 'max-content' }}
            dataSource={stats.data.items}
            columns={[
              { title: t('jobs.queue'), render: (_, row) => queueName(row.queue) },
              ...states.map((one) => ({
                title: t(`jobs.state_${one}`),
                className: 'cell-number',
                render: (_: unknown, row: components['schemas']['JobStats']['items'][number]) => (one === 'dead' && row.dead > 0 ? <strong className="count-failed">{row.dead}</strong> : row[one]),
              })),
              { title: t('jobs.oldest'), className: 'cell-number', render: (_, row) => t('jobs.seconds', { count: row.oldest_ready_seconds }) },
            ]}
          />
        )}
      </section>
      <section className="panel" aria-label={t('jobs.title')}>
        <div className="toolbar">
          <Segmented
            aria-label={t('jobs.state')}
            value={state}
            onChange={setState}
            options={[{ value: '' as const, label: t('rules.all') }, ...states.map((one) => ({ value: one, label: t(`jobs.state_${one}`) }))]}
          />
          <Select
            className="filter"
            allowClear
            aria-label={t('jobs.queue')}
            placeholder={t('jobs.allQueues')}
            value={queue}
            onChange={setQueue}
            options={(stats.data?.items ?? []).map((one) => ({ value: one.queue, label: queueName(one.queue) }))}
          />
        </div>
        <Paged<Job>
          queryKey={['jobs', 'list', state, queue]}
          label={t('jobs.title')}
          rowKey="id"
          empty={t(state === 'dead' ? 'jobs.noDead' : 'jobs.none')}
          refetchInterval={5000}
          load={(after, signal) => api.get('/admin/jobs', { query: { state: state || undefined, queue, limit: 50, after }, signal })}
          columns={[
            { title: t('jobs.kind'), render: (_, job) => <code>{job.kind}</code> },
            { title: t('jobs.queue'), render: (_, job) => queueName(job.queue) },
            { title: t('jobs.state'), render: (_, job) => <JobStateTag state={job.state} /> },
            { title: t('jobs.attempts'), className: 'cell-number', render: (_, job) => (job.max_attempts > 1000 ? job.attempts : `${job.attempts} / ${job.max_attempts}`) },
            { title: t('jobs.runAt'), render: (_, job) => <At time={job.run_at} seconds /> },
            {
              title: t('jobs.progress'),
              render: (_, job) => (job.progress.total > 0 ? <Progress size="small" className="job-progress" aria-label={t('jobs.progress')} percent={Math.round((100 * job.progress.done) / job.progress.total)} /> : job.progress.note || (job.progress.done > 0 ? job.progress.done : <span className="muted">{t('value.empty')}</span>)),
            },
            { title: t('jobs.error'), className: 'cell-text', render: (_, job) => (job.last_error ? <span title={job.last_error}>{job.last_error}</span> : <span className="muted">{t('value.empty')}</span>) },
            { title: <span className="hidden-text">{t('record.actions')}</span>, render: (_, job) => actions(job) },
          ]}
        />
      </section>
      {shown && <JobDetails id={shown} onClose={() => setShown(null)} />}
    </AdminPage>
  );
}

/** A queue as people call it; plugins may have queues of their own. */
function useQueueName(): (queue: string) => string {
  const { t, i18n } = useTranslation();
  return (queue) => (i18n.exists(`jobs.queue_${queue}`) ? t(`jobs.queue_${queue}` as 'jobs.queue_rules') : queue);
}

function JobStateTag({ state }: { state: JobState }) {
  const { t } = useTranslation();
  return <Tag className={{ ready: 'tag-open', running: 'tag-open', waiting: 'tag-skipped', dead: 'tag-failed' }[state]}>{t(`jobs.state_${state}`)}</Tag>;
}

function JobDetails({ id, onClose }: { id: string; onClose: () => void }) {
  const { t } = useTranslation();
  const api = useApi();
  const queueName = useQueueName();
  const job = useQuery({ queryKey: ['jobs', 'one', id], queryFn: ({ signal }) => api.get('/admin/jobs/{id}', { path: { id }, signal }) });
  const rows: [string, React.ReactNode][] = job.data
    ? [
        [t('jobs.kind'), <code key="kind">{job.data.kind}</code>],
        [t('jobs.queue'), queueName(job.data.queue)],
        [t('jobs.state'), <JobStateTag key="state" state={job.data.state} />],
        [t('jobs.attempts'), String(job.data.attempts)],
        [t('jobs.created'), <At key="created" time={job.data.created_at} seconds />],
        [t('jobs.runAt'), <At key="run" time={job.data.run_at} seconds />],
        [t('jobs.worker'), job.data.worker ?? t('value.empty')],
        [t('error.requestId'), job.data.request_id ?? t('value.empty')],
        [t('jobs.error'), job.data.last_error ? <span key="error" className="multiline">{job.data.last_error}</span> : t('value.empty')],
        [t('jobs.payload'), <pre key="payload" className="json">{pretty(job.data.payload ?? '')}</pre>],
      ]
    : [];
  return (
    <Drawer open onClose={onClose} size={620} title={t('jobs.details')}>
      {job.isError ? (
        <LoadError error={job.error} onRetry={() => void job.refetch()} notFound={t('jobs.gone')} />
      ) : !job.data ? (
        <Skeleton active />
      ) : (
        <dl className="field-list single">
          {rows.map(([label, value]) => (
            <div key={label} className="field">
              <dt>{label}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      )}
    </Drawer>
  );
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
