import LoadingOutlined from '@ant-design/icons/es/icons/LoadingOutlined';
import { App, Button, Select, Table, Tabs } from 'antd';
import { useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { components } from '../api/schema';
import { FormProblemAlert } from '../components/form_problem';
import { fieldOf } from '../model';
import { usePinyinFilter } from '../pinyin';
import { useApi } from '../services';
import { useSession } from '../session';
import { useErrorText } from '../use_error_text';
import { AdminPage, At, EntityName, Paged, RecordLink } from './parts';

type Fault = components['schemas']['AuditFault'];
type Look = components['schemas']['Look'];

/** Whether histories and records are as they were written, and who saw sensitive values. */
export default function AuditPage() {
  const { t } = useTranslation();
  return (
    <AdminPage title={t('audit.title')}>
      <Tabs
        items={[
          { key: 'verify', label: t('audit.verify'), children: <Verify /> },
          { key: 'looks', label: t('audit.looks'), children: <Looks /> },
        ]}
      />
    </AdminPage>
  );
}

interface Checked {
  records: number;
  events: number;
  faults: Fault[];
  state: 'running' | 'done' | 'stopped';
}

function useEntityOptions() {
  const { model } = useSession();
  return Object.values(model.entities).map((one) => ({ value: one.name, label: one.label, title: one.name }));
}

function EntitySelect({ value, onChange, disabled = false }: { value: string | undefined; onChange: (entity: string | undefined) => void; disabled?: boolean }) {
  const { t } = useTranslation();
  const pinyin = usePinyinFilter();
  return (
    <Select
      className="wide-select"
      allowClear
      showSearch={{ filterOption: pinyin }}
      aria-label={t('audit.entity')}
      placeholder={t('audit.allEntities')}
      value={value}
      onChange={onChange}
      options={useEntityOptions()}
      disabled={disabled}
    />
  );
}

function Verify() {
  const { t } = useTranslation();
  const api = useApi();
  const errorText = useErrorText();
  const { message } = App.useApp();
  const [entity, setEntity] = useState<string | undefined>(undefined);
  const [checked, setChecked] = useState<Checked | null>(null);
  const [problem, setProblem] = useState('');
  const stop = useRef<AbortController | null>(null);

  const run = async () => {
    const control = new AbortController();
    stop.current = control;
    setProblem('');
    const sum: Checked = { records: 0, events: 0, faults: [], state: 'running' };
    setChecked({ ...sum });
    try {
      for (let after: string | undefined; ; ) {
        const part = await api.get('/admin/audit', { query: { entity, after }, signal: control.signal });
        sum.records += part.records;
        sum.events += part.events;
        sum.faults = [...sum.faults, ...part.items];
        setChecked({ ...sum });
        if (!part.next) break;
        after = part.next;
      }
      setChecked({ ...sum, state: 'done' });
      if (sum.faults.length === 0) void message.success(t('audit.sound'));
    } catch (error) {
      setChecked({ ...sum, state: 'stopped' });
      if (!control.signal.aborted) setProblem(errorText(error));
    }
  };

  const running = checked?.state === 'running';
  return (
    <div className="panel section-body">
      <p>{t('audit.explain')}</p>
      <div className="inline-form">
        <EntitySelect value={entity} onChange={setEntity} disabled={running} />
        {running ? <Button onClick={() => stop.current?.abort()}>{t('audit.stop')}</Button> : <Button type="primary" onClick={() => void run()}>{t('audit.run')}</Button>}
      </div>
      <FormProblemAlert problem={problem ? { text: problem, rest: [] } : null} />
      {checked && (
        <>
          <p role="status">
            {running && <LoadingOutlined aria-hidden />}{' '}
            {t('audit.counted', { records: checked.records, events: checked.events })} {checked.state === 'done' && (checked.faults.length === 0 ? t('audit.sound') : t('audit.faults', { count: checked.faults.length }))}
            {checked.state === 'stopped' && t('audit.stopped')}
          </p>
          {checked.faults.length > 0 && (
            <Table<Fault>
              size="small"
              className="plain-rows"
              rowKey={(fault) => `${fault.entity}/${fault.id}/${fault.event ?? ''}/${fault.code}`}
              aria-label={t('audit.verify')}
              scroll={{ x: 'max-content' }}
              pagination={{ pageSize: 50, hideOnSinglePage: true }}
              dataSource={checked.faults}
              columns={[
                { title: t('rules.record'), render: (_, fault) => <RecordLink entity={fault.entity} id={fault.id} /> },
                { title: t('audit.version'), className: 'cell-number', render: (_, fault) => fault.version ?? t('value.empty') },
                { title: t('audit.what'), render: (_, fault) => <strong className="count-failed">{t(`audit.code_${fault.code}`)}</strong> },
                { title: t('audit.detail'), render: (_, fault) => fault.what },
              ]}
            />
          )}
        </>
      )}
    </div>
  );
}

function Looks() {
  const { t } = useTranslation();
  const api = useApi();
  const { model } = useSession();
  const [entity, setEntity] = useState<string | undefined>(undefined);
  const fields = (look: Look) => look.fields.map((name) => (model.entities[look.entity] && fieldOf(model.entities[look.entity]!, name)?.label) ?? name).join(t('approval.and'));
  return (
    <div className="panel">
      <div className="toolbar">
        <EntitySelect value={entity} onChange={setEntity} />
      </div>
      <Paged<Look>
        queryKey={['looks', entity]}
        label={t('audit.looks')}
        rowKey="id"
        empty={t('audit.noLooks')}
        load={(before, signal) => api.get('/admin/audit/looks', { query: { entity, limit: 50, before }, signal })}
        columns={[
          { title: t('rules.at'), render: (_, look) => <At time={look.at} seconds /> },
          { title: t('audit.who'), dataIndex: 'username' },
          { title: t('audit.entity'), render: (_, look) => <EntityName name={look.entity} /> },
          { title: t('rules.record'), render: (_, look) => <RecordLink entity={look.entity} id={look.record} /> },
          { title: t('audit.fields'), render: (_, look) => fields(look) },
          { title: t('audit.source'), dataIndex: 'source' },
          { title: t('error.requestId'), render: (_, look) => <code>{look.request_id}</code> },
        ]}
      />
    </div>
  );
}
