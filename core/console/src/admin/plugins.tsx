import UploadOutlined from '@ant-design/icons/es/icons/UploadOutlined';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Alert, App, Button, Checkbox, Descriptions, Drawer, Empty, Input, InputNumber, Modal, Select, Skeleton, Switch, Table, Tabs, Tag } from 'antd';
import { useRef, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useSearchParams } from 'react-router';
import { ApiError } from '../api/client';
import type { components } from '../api/schema';
import { LoadError } from '../components/load_state';
import { useApi, useLanguage, useUnsaved } from '../services';
import { useErrorText } from '../use_error_text';
import { Findings, findingsOf, type Finding } from './findings';
import { AdminPage, At, Paged, useAct } from './parts';

type Plugin = components['schemas']['Plugin'];
type Change = components['schemas']['PluginChange'];
type Setting = components['schemas']['PluginSettings']['settings'][number];

const stateTag = { enabled: 'tag-done', disabled: 'tag-skipped', refused: 'tag-failed', quarantined: 'tag-failed' } as const;

/** Plugins and packs: switched on and off in the running server, their health, settings, versions and history. */
export default function PluginsPage() {
  const { t } = useTranslation();
  const api = useApi();
  const queries = useQueryClient();
  const { language } = useLanguage();
  const { message } = App.useApp();
  const errorText = useErrorText();
  const [params, setParams] = useSearchParams();
  const [problem, setProblem] = useState<{ text: string; findings: Finding[] } | null>(null);
  const [working, setWorking] = useState<string | null>(null);
  const [disabling, setDisabling] = useState<Plugin | null>(null);
  const [enabling, setEnabling] = useState<Plugin | null>(null);
  const file = useRef<HTMLInputElement>(null);
  const list = useQuery({ queryKey: ['plugins', language], queryFn: ({ signal }) => api.get('/admin/plugins', { signal }), refetchInterval: 20_000 });
  const shown = list.data?.items.find((one) => one.name === params.get('plugin'));

  const change = async (name: string, work: () => Promise<Change | unknown>, done: string): Promise<boolean> => {
    setWorking(name);
    setProblem(null);
    try {
      const answer = (await work()) as Partial<Change> | undefined;
      void message.success(answer?.restarting ? t('plugins.restarting') : answer?.restart_needed ? t('plugins.restartNeeded') : done, answer?.restarting || answer?.restart_needed ? 8 : undefined);
      return true;
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 401)) setProblem({ text: errorText(error), findings: error instanceof ApiError ? findingsOf(error.errors) : [] });
      return false;
    } finally {
      setWorking(null);
      void queries.invalidateQueries({ queryKey: ['plugins'] });
      void queries.invalidateQueries({ queryKey: ['model'] });
    }
  };
  const path = (plugin: Plugin) => ({ path: { plugin: plugin.name } });
  const enable = (plugin: Plugin, dependencies: boolean) => change(plugin.name, () => api.post('/admin/plugins/{plugin}/enable', dependencies ? { dependencies: true } : {}, path(plugin)), t('plugins.enabled', { label: plugin.label }));
  const disable = (plugin: Plugin, dependents: boolean) => change(plugin.name, () => api.post('/admin/plugins/{plugin}/disable', dependents ? { dependents: true } : {}, path(plugin)), t('plugins.disabled', { label: plugin.label }));
  const install = (chosen: File | undefined) => {
    if (!chosen) return;
    const form = new FormData();
    form.append('file', chosen, chosen.name);
    void change('', () => api.upload('/admin/plugins', form), t('plugins.installed', { name: chosen.name }));
  };
  const flip = (plugin: Plugin, on: boolean) => {
    if (!on) setDisabling(plugin);
    else if (plugin.requires.some((need) => list.data?.items.some((other) => other.state !== 'enabled' && need.split(' ')[0] === other.name))) setEnabling(plugin);
    else void enable(plugin, false);
  };
  return (
    <AdminPage
      title={t('plugins.title')}
      actions={
        <>
          <input ref={file} type="file" hidden aria-hidden tabIndex={-1} onChange={(event) => { install(event.target.files?.[0]); event.target.value = ''; }} />
          <Button type="primary" icon={<UploadOutlined aria-hidden />} loading={working === ''} onClick={() => file.current?.click()}>
            {t('plugins.install')}
          </Button>
        </>
      }
    >
      {problem && <Alert type="error" showIcon role="alert" className="section" title={problem.text} description={<Findings items={problem.findings} grave />} closable={{ onClose: () => setProblem(null), 'aria-label': t('bulk.close') }} />}
      {list.isError && !list.data ? (
        <LoadError error={list.error} onRetry={() => void list.refetch()} />
      ) : !list.data ? (
        <Skeleton active paragraph={{ rows: 6 }} />
      ) : (
        <div className="panel">
          <Table<Plugin>
            size="small"
            className="plain-rows"
            rowKey="name"
            aria-label={t('plugins.title')}
            pagination={false}
            scroll={{ x: 'max-content' }}
            dataSource={list.data.items}
            locale={{ emptyText: <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t('plugins.none')} /> }}
            columns={[
              {
                title: t('plugins.plugin'),
                render: (_, plugin) => (
                  <>
                    <strong>{plugin.label}</strong>{' '}
                    <span className="muted">{plugin.version}</span>
                    <div className="muted">
                      <code>{plugin.name}</code> · {t(`plugins.kind_${plugin.kind}`)}
                      {plugin.vendor && ` · ${plugin.vendor}`}
                    </div>
                  </>
                ),
              },
              {
                title: t('rules.standing'),
                render: (_, plugin) => (
                  <>
                    <Tag className={stateTag[plugin.state]}>{t(`plugins.state_${plugin.state}`)}</Tag>
                    {plugin.error && <div className="plugin-error">{plugin.error}</div>}
                  </>
                ),
              },
              { title: t('plugins.signature'), render: (_, plugin) => <Tag className={{ trusted: 'tag-done', unknown: 'tag-waiting', unsigned: 'tag-skipped', damaged: 'tag-failed' }[plugin.signature]}>{t(`plugins.signature_${plugin.signature}`)}</Tag> },
              { title: t('plugins.health'), render: (_, plugin) => <Health plugin={plugin} /> },
              { title: t('plugins.requires'), render: (_, plugin) => (plugin.requires.length > 0 ? <div className="plugin-needs">{plugin.requires.join(t('approval.and'))}</div> : <span className="muted">{t('value.empty')}</span>) },
              {
                title: t('plugins.on'),
                render: (_, plugin) =>
                  plugin.state === 'quarantined' ? (
                    <Button size="small" loading={working === plugin.name} onClick={() => void change(plugin.name, () => api.delete('/admin/plugins/{plugin}/quarantine', path(plugin)), t('plugins.released', { label: plugin.label }))}>
                      {t('plugins.release')}
                    </Button>
                  ) : (
                    <Switch checked={plugin.state === 'enabled'} disabled={plugin.state === 'refused'} loading={working === plugin.name} aria-label={t('plugins.switch', { label: plugin.label })} onChange={(on) => flip(plugin, on)} />
                  ),
              },
              {
                title: <span className="hidden-text">{t('jobs.details')}</span>,
                render: (_, plugin) => <Button size="small" aria-label={`${t('jobs.details')} ${plugin.label}`} onClick={() => setParams({ plugin: plugin.name })}>{t('jobs.details')}</Button>,
              },
            ]}
          />
        </div>
      )}
      {disabling && (
        <AskOthers
          title={t('plugins.disableTitle', { label: disabling.label })}
          text={t('plugins.disableText')}
          option={disabling.dependents.length > 0 ? t('plugins.alsoDependents', { names: disabling.dependents.join(t('approval.and')) }) : null}
          ok={t('plugins.disable')}
          onClose={() => setDisabling(null)}
          onOk={(also) => disable(disabling, also)}
        />
      )}
      {enabling && (
        <AskOthers
          title={t('plugins.enableTitle', { label: enabling.label })}
          text=""
          option={t('plugins.alsoNeeded', { names: enabling.requires.join(t('approval.and')) })}
          ok={t('plugins.enable')}
          onClose={() => setEnabling(null)}
          onOk={(also) => enable(enabling, also)}
        />
      )}
      {shown && <Details plugin={shown} onChange={change} onClose={() => setParams({})} />}
    </AdminPage>
  );
}

function Health({ plugin }: { plugin: Plugin }) {
  const { t } = useTranslation();
  const { calls, errors, paused } = plugin.health;
  if (plugin.state !== 'enabled' || calls === 0) return <span className="muted">{t('value.empty')}</span>;
  return (
    <span className="counts">
      <span>{t('plugins.calls', { count: calls })}</span>
      {errors > 0 && <span className="count-failed">{t('plugins.errors', { count: errors })}</span>}
      {paused > 0 && <Tag className="tag-failed">{t('plugins.paused', { count: paused })}</Tag>}
      {errors === 0 && paused === 0 && <Tag className="tag-done">{t('plugins.well')}</Tag>}
    </span>
  );
}

interface AskProps {
  title: string;
  text: string;
  option: string | null;
  ok: string;
  onOk: (also: boolean) => Promise<boolean>;
  onClose: () => void;
}

/** Asks before a plugin is switched, and whether others go with it. */
function AskOthers({ title, text, option, ok, onOk, onClose }: AskProps) {
  const { t } = useTranslation();
  const [also, setAlso] = useState(option !== null);
  const [working, setWorking] = useState(false);
  const go = async () => {
    setWorking(true);
    await onOk(also && option !== null);
    onClose();
  };
  return (
    <Modal open title={title} okText={ok} cancelText={t('form.cancel')} okButtonProps={{ loading: working }} onOk={() => void go()} onCancel={onClose}>
      {text && <p>{text}</p>}
      {option && (
        <Checkbox checked={also} onChange={(event) => setAlso(event.target.checked)}>
          {option}
        </Checkbox>
      )}
    </Modal>
  );
}

type OnChange = (name: string, work: () => Promise<unknown>, done: string) => Promise<boolean>;

function Details({ plugin, onChange, onClose }: { plugin: Plugin; onChange: OnChange; onClose: () => void }) {
  const { t } = useTranslation();
  const api = useApi();
  const path = { path: { plugin: plugin.name } };
  return (
    <Drawer open onClose={onClose} size={780} title={`${plugin.label} ${plugin.version}`}>
      <Tabs
        items={[
          { key: 'about', label: t('plugins.about'), children: <About plugin={plugin} onChange={onChange} onClose={onClose} /> },
          ...(plugin.state === 'enabled' ? [{ key: 'settings', label: t('settings.title'), children: <PluginSettings plugin={plugin} /> }] : []),
          {
            key: 'health',
            label: t('plugins.health'),
            children: (
              <Table
                size="small"
                className="plain-rows"
                rowKey="name"
                aria-label={t('plugins.health')}
                pagination={false}
                scroll={{ x: 'max-content' }}
                dataSource={plugin.health.callbacks}
                locale={{ emptyText: <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t('plugins.noCalls')} /> }}
                columns={[
                  { title: t('plugins.callback'), render: (_, one) => <code>{one.name}</code> },
                  { title: t('plugins.callCount'), className: 'cell-number', dataIndex: 'calls' },
                  { title: t('plugins.errorCount'), className: 'cell-number', render: (_, one) => (one.errors > 0 ? <strong className="count-failed">{one.errors}</strong> : 0) },
                  { title: t('plugins.late'), className: 'cell-number', dataIndex: 'late' },
                  { title: t('plugins.average'), className: 'cell-number', render: (_, one) => `${one.calls > 0 ? (one.micros / one.calls / 1000).toFixed(2) : '0'} ms` },
                  { title: t('plugins.longest'), className: 'cell-number', render: (_, one) => `${(one.longest_micros / 1000).toFixed(1)} ms` },
                ]}
              />
            ),
          },
          {
            key: 'history',
            label: t('plugins.history'),
            children: (
              <Paged
                queryKey={['plugins', 'history', plugin.name]}
                label={t('plugins.history')}
                rowKey="id"
                empty={t('plugins.noHistory')}
                load={(before, signal) => api.get('/admin/plugins/{plugin}/history', { ...path, query: { limit: 50, before }, signal })}
                columns={[
                  { title: t('rules.at'), render: (_, one) => <At time={one.at} seconds /> },
                  { title: t('plugins.action'), dataIndex: 'action' },
                  { title: t('audit.version'), render: (_, one) => one.version ?? '' },
                  { title: t('audit.who'), render: (_, one) => one.by ?? '' },
                  { title: t('audit.detail'), render: (_, one) => one.detail ?? '' },
                ]}
              />
            ),
          },
        ]}
      />
    </Drawer>
  );
}

function About({ plugin, onChange, onClose }: { plugin: Plugin; onChange: OnChange; onClose: () => void }) {
  const { t } = useTranslation();
  const api = useApi();
  const { modal } = App.useApp();
  const [purging, setPurging] = useState(false);
  const path = { path: { plugin: plugin.name } };
  const rows: [string, ReactNode][] = [
    [t('plugins.name'), <code key="name">{plugin.name}</code>],
    [t('plugins.vendor'), plugin.vendor || t('value.empty')],
    [t('plugins.description'), plugin.description || t('value.empty')],
    ['SDK', plugin.sdk || t('value.empty')],
    [t('plugins.file'), <code key="file">{plugin.file}</code>],
    ['SHA-256', <code key="hash" className="wrap">{plugin.hash}</code>],
    [t('plugins.signedBy'), plugin.signed_by ?? t('value.empty')],
    [t('plugins.requires'), plugin.requires.join(t('approval.and')) || t('value.empty')],
    [t('plugins.dependents'), plugin.dependents.join(t('approval.and')) || t('value.empty')],
    [t('plugins.hooks'), plugin.hooks],
    [t('plugins.routes'), plugin.routes.length > 0 ? <ul className="plain-list" key="routes">{plugin.routes.map((one) => <li key={one}><code>{one}</code></li>)}</ul> : t('value.empty')],
  ];
  return (
    <>
      <Descriptions size="small" column={1} bordered items={rows.map(([label, children], index) => ({ key: index, label, children }))} />
      {plugin.versions.length > 1 && (
        <>
          <h2 className="drawer-head">{t('plugins.versions')}</h2>
          <ul className="day-list">
            {plugin.versions.map((one) => (
              <li key={one.file}>
                <strong>{one.version}</strong> <code>{one.file}</code>
                {one.error && <span className="count-failed">{one.error}</span>}
                {one.used ? (
                  <Tag className="tag-done">{t('configuration.inUse')}</Tag>
                ) : (
                  !one.error && (
                    <Button size="small" onClick={() => void onChange(plugin.name, () => api.post('/admin/plugins/{plugin}/upgrade', { version: one.version }, path), t('plugins.upgraded', { version: one.version }))}>
                      {t('plugins.useVersion')}
                    </Button>
                  )
                )}
              </li>
            ))}
          </ul>
        </>
      )}
      <div className="row-actions drawer-foot">
        {plugin.installed && plugin.state !== 'enabled' && (
          <Button
            danger
            onClick={() =>
              modal.confirm({
                title: t('plugins.removeTitle', { label: plugin.label }),
                content: t('plugins.removeText'),
                okText: t('plugins.remove'),
                okButtonProps: { danger: true },
                cancelText: t('form.cancel'),
                onOk: async () => {
                  if (await onChange(plugin.name, () => api.delete('/admin/plugins/{plugin}', path), t('plugins.removed', { label: plugin.label }))) onClose();
                },
              })
            }
          >
            {t('plugins.remove')}
          </Button>
        )}
        {plugin.state === 'disabled' && <Button danger type="text" onClick={() => setPurging(true)}>{t('plugins.purge')}</Button>}
      </div>
      {purging && <PurgeDialog plugin={plugin} onChange={onChange} onClose={() => setPurging(false)} />}
    </>
  );
}

/** What would be deleted for good, before it is. */
function PurgeDialog({ plugin, onChange, onClose }: { plugin: Plugin; onChange: OnChange; onClose: () => void }) {
  const { t } = useTranslation();
  const api = useApi();
  const path = { path: { plugin: plugin.name } };
  const [typed, setTyped] = useState('');
  const preview = useQuery({ queryKey: ['plugins', 'purge', plugin.name], queryFn: ({ signal }) => api.get('/admin/plugins/{plugin}/purge', { ...path, signal }), staleTime: 0, gcTime: 0 });
  const confirm = preview.data?.confirm;
  return (
    <Modal
      open
      title={t('plugins.purgeTitle', { label: plugin.label })}
      okText={t('plugins.purge')}
      okButtonProps={{ danger: true, disabled: !confirm || typed !== plugin.name }}
      cancelText={t('form.cancel')}
      onCancel={onClose}
      onOk={async () => {
        if (confirm) await onChange(plugin.name, () => api.post('/admin/plugins/{plugin}/purge', { confirm }, path), t('plugins.purged'));
        onClose();
      }}
    >
      {preview.isError ? <LoadError error={preview.error} onRetry={() => void preview.refetch()} /> : !preview.data ? <Skeleton active /> : (
        <>
          <p>{t('plugins.purgeText')}</p>
          <ul className="plain-list">{preview.data.tables.map((one) => <li key={one.table}><code>{one.table}</code>{t('value.colon')}{t('plugins.rows', { count: one.rows })}</li>)}</ul>
          <label className="approval-comment">
            <span>{t('plugins.purgeType', { name: plugin.name })}</span>
            <Input value={typed} onChange={(event) => setTyped(event.target.value)} autoComplete="off" />
          </label>
        </>
      )}
    </Modal>
  );
}

function PluginSettings({ plugin }: { plugin: Plugin }) {
  const { t } = useTranslation();
  const api = useApi();
  const act = useAct();
  const queries = useQueryClient();
  const { language } = useLanguage();
  const key = ['plugins', 'settings', plugin.name, language];
  const path = { path: { plugin: plugin.name } };
  const list = useQuery({ queryKey: key, queryFn: ({ signal }) => api.get('/admin/plugins/{plugin}/settings', { ...path, signal }) });
  const [changes, setChanges] = useState<Record<string, string | number | boolean | null>>({});
  useUnsaved(Object.keys(changes).length > 0);
  const [saving, setSaving] = useState(false);
  if (list.isError && !list.data) return <LoadError error={list.error} onRetry={() => void list.refetch()} />;
  if (!list.data) return <Skeleton active />;
  if (list.data.settings.length === 0) return <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t('settings.none')} />;
  const put = (name: string, value: string | number | boolean | null) => setChanges((all) => ({ ...all, [name]: value }));
  const save = async () => {
    setSaving(true);
    const done = await act(() => api.patch('/admin/plugins/{plugin}/settings', changes, path), t('form.saved'));
    setSaving(false);
    if (done) setChanges({});
    void queries.invalidateQueries({ queryKey: ['plugins', 'settings'] });
    void queries.invalidateQueries({ queryKey: ['settings'] });
  };
  return (
    <form
      className="plugin-settings"
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      {list.data.settings.map((one) => (
        <div key={one.name} className="plugin-setting">
          <label htmlFor={`setting-${one.name}`}>{one.label}</label>
          <SettingInput setting={one} value={one.name in changes ? changes[one.name] : one.value} onChange={(value) => put(one.name, value)} />
          {one.help && <div className="muted">{one.help}</div>}
          <div className="muted">
            {t('settings.default')}{t('value.colon')}{String(one.default ?? t('value.empty'))} · <code>{one.changed_here ? t('plugins.changedHere') : `${one.file}:${one.line}`}</code>
            {one.changed_here && <Button type="link" size="small" onClick={() => put(one.name, null)}>{t('plugins.takeBack')}</Button>}
          </div>
        </div>
      ))}
      <Button type="primary" htmlType="submit" disabled={Object.keys(changes).length === 0} loading={saving}>{t('form.save')}</Button>
    </form>
  );
}

function SettingInput({ setting, value, onChange }: { setting: Setting; value: unknown; onChange: (value: string | number | boolean | null) => void }) {
  const id = `setting-${setting.name}`;
  if (setting.options.length > 0) return <Select id={id} className="full" value={value === null ? null : String(value)} options={setting.options.map((one) => ({ value: one.name, label: one.label }))} onChange={(next: string) => onChange(next)} />;
  if (setting.type === 'bool') return <Switch id={id} checked={value === true} onChange={onChange} />;
  if (setting.type === 'int') return <InputNumber id={id} className="full" precision={0} value={typeof value === 'number' ? value : null} onChange={(next) => onChange(next)} />;
  return <Input id={id} value={value === null || value === undefined ? '' : String(value)} onChange={(event) => onChange(event.target.value)} />;
}
