import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Button, Drawer, Empty, Segmented, Skeleton, Table, Tabs, Tag } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useSearchParams } from 'react-router';
import type { components } from '../api/schema';
import { LoadError } from '../components/load_state';
import { fieldOf, stateOf } from '../model';
import { useApi, useLanguage } from '../services';
import { useSession } from '../session';
import { AdminPage, At, EntityName, Outcome, Paged, RecordLink, useAct } from './parts';

type Automation = components['schemas']['AutomationList']['items'][number];
type Schedule = components['schemas']['ScheduleList']['items'][number];
type Run = components['schemas']['RuleRun'];
type Kind = 'automations' | 'schedules';

/** What happens by itself: rules, their schedules, and what each of them did and why, or why not. */
export default function RulesPage() {
  const { t } = useTranslation();
  const [params, setParams] = useSearchParams();
  const kind: Kind = params.get('kind') === 'schedules' ? 'schedules' : 'automations';
  const rule = params.get('rule');
  const show = (next: { kind?: Kind; rule?: string | null }) =>
    setParams({ ...((next.kind ?? kind) === 'schedules' ? { kind: 'schedules' } : {}), ...(next.rule ? { rule: next.rule } : {}) });
  return (
    <AdminPage title={t('rules.title')}>
      <Tabs
        activeKey={kind}
        onChange={(key) => show({ kind: key as Kind })}
        items={[
          { key: 'automations', label: t('rules.automations'), children: <Automations onRuns={(name) => show({ rule: name })} /> },
          { key: 'schedules', label: t('rules.schedules'), children: <Schedules onRuns={(name) => show({ rule: name })} /> },
        ]}
      />
      {rule && <Runs key={`${kind}/${rule}`} kind={kind} rule={rule} onClose={() => show({})} />}
    </AdminPage>
  );
}

/** An event of a rule in words: `state booked` becomes “entered the state Booked”. */
function useEventText() {
  const { t } = useTranslation();
  const { model } = useSession();
  return (event: string, entityName: string | null) => {
    const [kind = '', name = ''] = event.split(' ');
    const entity = entityName ? model.entities[entityName] : undefined;
    if (kind === 'state' && name) return t('rules.on_state', { label: (entity && stateOf(entity, name)?.label) ?? name });
    if (kind === 'transition' && name) return t('rules.on_transition', { label: entity?.transitions.find((one) => one.name === name)?.label ?? name });
    if (kind === 'created' || kind === 'updated' || kind === 'deleted' || kind === 'time') return t(`rules.on_${kind}`);
    return (entity && fieldOf(entity, event)?.label) ?? event;
  };
}

function Named({ label, name }: { label: string; name: string }) {
  return (
    <>
      <strong>{label}</strong>
      {label !== name && (
        <div className="muted">
          <code>{name}</code>
        </div>
      )}
    </>
  );
}

function Active({ active }: { active: boolean }) {
  const { t } = useTranslation();
  return <Tag className={active ? 'tag-done' : 'tag-skipped'}>{t(active ? 'rules.active' : 'rules.inactive')}</Tag>;
}

function Automations({ onRuns }: { onRuns: (name: string) => void }) {
  const { t } = useTranslation();
  const api = useApi();
  const { language } = useLanguage();
  const eventText = useEventText();
  const list = useQuery({ queryKey: ['automations', language], queryFn: ({ signal }) => api.get('/admin/automations', { signal }), refetchInterval: 30_000 });
  if (list.isError && !list.data) return <LoadError error={list.error} onRetry={() => void list.refetch()} />;
  if (!list.data) return <Skeleton active paragraph={{ rows: 6 }} />;
  return (
    <div className="panel">
      <Table<Automation>
        size="small"
        className="plain-rows"
        rowKey="name"
        aria-label={t('rules.automations')}
        pagination={false}
        scroll={{ x: 'max-content' }}
        dataSource={list.data.items}
        locale={{ emptyText: <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t('rules.noAutomations')} /> }}
        columns={[
          { title: t('rules.rule'), render: (_, one) => <Named label={one.label} name={one.name} /> },
          { title: t('rules.records'), render: (_, one) => <EntityName name={one.entity} /> },
          { title: t('rules.when'), render: (_, one) => eventText(one.on, one.entity) },
          { title: t('rules.how'), render: (_, one) => t(one.in_transaction ? 'rules.inside' : 'rules.after') },
          { title: t('rules.standing'), render: (_, one) => <Active active={one.active} /> },
          { title: t('rules.lastDay'), render: (_, one) => <Counts done={one.done} skipped={one.skipped} failed={one.failed} /> },
          { title: <span className="hidden-text">{t('rules.runs')}</span>, render: (_, one) => <Button size="small" onClick={() => onRuns(one.name)} aria-label={`${t('rules.runs')} ${one.label}`}>{t('rules.runs')}</Button> },
        ]}
      />
    </div>
  );
}

function Counts(counts: { done: number; skipped: number; failed: number }) {
  const { t } = useTranslation();
  if (counts.done + counts.skipped + counts.failed === 0) return <span className="muted">{t('rules.never')}</span>;
  return (
    <span className="counts">
      {(['done', 'skipped', 'failed'] as const).map((one) => counts[one] > 0 && <span key={one} className={`count-${one}`}>{`${t(`rules.outcome_${one}`)} ${counts[one]}`}</span>)}
    </span>
  );
}

function Schedules({ onRuns }: { onRuns: (name: string) => void }) {
  const { t } = useTranslation();
  const api = useApi();
  const act = useAct();
  const queries = useQueryClient();
  const { language } = useLanguage();
  const [running, setRunning] = useState<string | null>(null);
  const list = useQuery({ queryKey: ['schedules', language], queryFn: ({ signal }) => api.get('/admin/schedules', { signal }), refetchInterval: 15_000 });
  if (list.isError && !list.data) return <LoadError error={list.error} onRetry={() => void list.refetch()} />;
  if (!list.data) return <Skeleton active paragraph={{ rows: 6 }} />;
  const run = async (one: Schedule) => {
    setRunning(one.name);
    await act(() => api.post('/admin/schedules/{name}/run', undefined as never, { path: { name: one.name } }), t('rules.started', { label: one.label }));
    setRunning(null);
    void queries.invalidateQueries({ queryKey: ['schedules'] });
    void queries.invalidateQueries({ queryKey: ['runs'] });
  };
  return (
    <div className="panel">
      <Table<Schedule>
        size="small"
        className="plain-rows"
        rowKey="name"
        aria-label={t('rules.schedules')}
        pagination={false}
        scroll={{ x: 'max-content' }}
        dataSource={list.data.items}
        locale={{ emptyText: <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t('rules.noSchedules')} /> }}
        columns={[
          { title: t('rules.rule'), render: (_, one) => <Named label={one.label} name={one.name} /> },
          { title: t('rules.records'), render: (_, one) => <EntityName name={one.entity} /> },
          { title: t('rules.cron'), render: (_, one) => <code>{one.cron}</code> },
          { title: t('rules.standing'), render: (_, one) => <Active active={one.active} /> },
          { title: t('rules.next'), render: (_, one) => <At time={one.next} /> },
          {
            title: t('rules.last'),
            render: (_, one) =>
              one.last ? (
                <span className="counts">
                  <Outcome value={one.last.outcome} />
                  <At time={one.last.at} />
                </span>
              ) : (
                <span className="muted">{t('rules.never')}</span>
              ),
          },
          {
            title: <span className="hidden-text">{t('rules.runs')}</span>,
            render: (_, one) => (
              <span className="row-actions">
                <Button size="small" type="primary" ghost loading={running === one.name} onClick={() => void run(one)} aria-label={`${t('rules.runNow')} ${one.label}`}>
                  {t('rules.runNow')}
                </Button>
                <Button size="small" onClick={() => onRuns(one.name)} aria-label={`${t('rules.runs')} ${one.label}`}>{t('rules.runs')}</Button>
              </span>
            ),
          },
        ]}
      />
    </div>
  );
}

function Runs({ kind, rule, onClose }: { kind: Kind; rule: string; onClose: () => void }) {
  const { t } = useTranslation();
  const api = useApi();
  const eventText = useEventText();
  const [outcome, setOutcome] = useState<'' | Run['outcome']>('');
  return (
    <Drawer open onClose={onClose} size={860} title={<span>{t('rules.runs')} <code>{rule}</code></span>}>
      <Segmented
        aria-label={t('rules.outcome')}
        value={outcome}
        onChange={setOutcome}
        options={[{ value: '', label: t('rules.all') }, ...(['done', 'skipped', 'failed'] as const).map((one) => ({ value: one, label: t(`rules.outcome_${one}`) }))]}
      />
      <Paged<Run>
        queryKey={['runs', kind, rule, outcome]}
        label={t('rules.runs')}
        rowKey="id"
        empty={t('rules.noRuns')}
        refetchInterval={10_000}
        load={(after, signal) => {
          const options = { path: { name: rule }, query: { outcome: outcome || undefined, limit: 50, after }, signal };
          return kind === 'schedules' ? api.get('/admin/schedules/{name}/runs', options) : api.get('/admin/automations/{name}/runs', options);
        }}
        columns={[
          { title: t('rules.at'), render: (_, run) => <At time={run.at} seconds /> },
          { title: t('rules.record'), render: (_, run) => <RecordLink entity={run.entity} id={run.record} /> },
          { title: t('rules.when'), render: (_, run) => eventText(run.event, run.entity) },
          { title: t('rules.outcome'), render: (_, run) => <Outcome value={run.outcome} /> },
          { title: t('rules.effects'), className: 'cell-number', render: (_, run) => run.effects },
          { title: t('rules.why'), render: (_, run) => run.reason ?? <span className="muted">{t('value.empty')}</span> },
        ]}
      />
    </Drawer>
  );
}
