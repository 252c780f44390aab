import { useQueryClient } from '@tanstack/react-query';
import { App, Button, Dropdown, Form, Input, Modal, Select, Table, Tag } from 'antd';
import { lazy, Suspense, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useNavigate } from 'react-router';
import type { components } from '../api/schema';
import type { Entity, FormDefinition, ModelTransition, RecordData } from '../api/types';
import { FormProblemAlert } from '../components/form_problem';
import { formName, RecordFields } from '../components/record_fields';
import { useDiscard } from '../components/use_discard';
import { useServerErrors } from '../components/use_server_errors';
import { collect, editableFields, filledInput, toFormValues, type FormValues, type Input as Values } from '../form_values';
import { isFile } from '../files';
import { isEditable, mergeable, stateOf, titleOf } from '../model';
import { comparePath, recordPagePath } from '../paths';
import { usePinyinFilter } from '../pinyin';
import { useApi } from '../services';
import { useSession } from '../session';
import { useErrorText } from '../use_error_text';
import { useSubmission } from '../use_submission';

const MergeDialog = lazy(() => import('../components/merge_dialog'));

/** As many as one looks at beside each other. */
const mostBeside = 4;

type Body = components['schemas']['BulkInput'];
type Result = components['schemas']['BulkResult'];

interface Props {
  entity: Entity;
  chosen: RecordData[];
  onClear: () => void;
}

/** What can be done with the rows that are ticked, and what became of each. */
export default function BulkBar({ entity, chosen, onClear }: Props) {
  const { t } = useTranslation();
  const api = useApi();
  const queries = useQueryClient();
  const errorText = useErrorText();
  const { message, modal } = App.useApp();
  const [asking, setAsking] = useState<ModelTransition | 'update' | null>(null);
  const navigate = useNavigate();
  const { user } = useSession();
  const [merging, setMerging] = useState(false);
  const few = chosen.length >= 2 && chosen.length <= mostBeside;
  const [running, setRunning] = useState(false);
  const [result, setResult] = useState<{ label: string; rows: RecordData[]; answer: Result } | null>(null);
  const states = new Set(chosen.map((record) => record.state));
  const steps = entity.transitions.filter((one) => [...states].every((state) => state != null && one.from.includes(state)));

  const run = async (label: string, body: Omit<Body, 'items' | 'atomic' | 'limit' | 'dry_run'>): Promise<void> => {
    setRunning(true);
    try {
      const items = chosen.map((record) => ({ id: record.id, version: record.version }));
      const answer = await api.post('/records/{entity}/bulk', { ...body, items } as Body, { path: { entity: entity.name } });
      if (answer.refused === 0 && !answer.waiting) {
        void message.success(t('bulk.allDone', { count: answer.done }));
        onClear();
      } else {
        setResult({ label, rows: chosen, answer });
      }
    } finally {
      setRunning(false);
      void queries.invalidateQueries({ queryKey: ['list'] });
      void queries.invalidateQueries({ predicate: ({ queryKey: [kind, of] }) => ['record', 'transitions', 'timeline', 'clocks'].includes(String(kind)) && of === entity.name });
    }
  };
  const start = (step: ModelTransition) => {
    if (step.form || step.comment_required) {
      setAsking(step);
      return;
    }
    modal.confirm({
      title: t('bulk.stepTitle', { label: step.label, count: chosen.length }),
      okText: step.label,
      cancelText: step.label === t('form.cancel') ? t('form.notNow') : t('form.cancel'),
      onOk: () => run(step.label, { action: 'transition', transition: step.name }).catch((error: unknown) => void message.error(errorText(error))),
    });
  };
  const remove = () =>
    modal.confirm({
      title: t('bulk.removeTitle', { count: chosen.length }),
      content: t('record.deleteText'),
      okText: t('record.delete'),
      okButtonProps: { danger: true },
      cancelText: t('form.cancel'),
      onOk: () => run(t('record.delete'), { action: 'delete' }).catch((error: unknown) => void message.error(errorText(error))),
    });

  return (
    <div className="bulk-bar" role="region" aria-label={t('bulk.title')}>
      <strong>{t('bulk.chosen', { count: chosen.length })}</strong>
      {entity.transitions.length > 0 && (
        <Dropdown
          trigger={['click']}
          disabled={steps.length === 0}
          menu={{ items: steps.map((step) => ({ key: step.name, label: step.label, danger: stateOf(entity, step.to)?.category === 'cancelled' })), onClick: ({ key }) => start(steps.find((step) => step.name === key)!) }}
        >
          <Button size="small" loading={running} title={steps.length === 0 ? t('bulk.noStep') : undefined}>{t('bulk.step')}</Button>
        </Dropdown>
      )}
      {entity.rights.update && <Button size="small" onClick={() => setAsking('update')}>{t('bulk.change')}</Button>}
      {few && <Button size="small" onClick={() => void navigate(comparePath(entity.name, chosen.map((record) => record.id)))}>{t('compare.title')}</Button>}
      {few && mergeable(entity, user.administrator) && <Button size="small" onClick={() => setMerging(true)}>{t('merge.open')}</Button>}
      {entity.rights.delete && <Button size="small" danger onClick={remove}>{t('record.delete')}</Button>}
      <Button size="small" type="text" onClick={onClear}>{t('bulk.clear')}</Button>
      {asking && (
        <BulkDialog
          entity={entity}
          subject={asking}
          count={chosen.length}
          onClose={() => setAsking(null)}
          onRun={(input, comment) =>
            asking === 'update' ? run(t('bulk.change'), { action: 'update', input }) : run(asking.label, { action: 'transition', transition: asking.name, input, ...(comment ? { comment } : {}) })
          }
        />
      )}
      {merging && (
        <Suspense fallback={null}>
          <MergeDialog
            entity={entity}
            records={chosen.map((record) => ({ id: record.id, title: titleOf(entity, record) }))}
            onClose={() => setMerging(false)}
            onDone={(survivor) => {
              setMerging(false);
              onClear();
              void navigate(recordPagePath(entity.name, survivor));
            }}
          />
        </Suspense>
      )}
      {result && <ResultDialog entity={entity} {...result} onClose={() => setResult(null)} />}
    </div>
  );
}

const commentField = '$comment'; // no field's name has a $

interface DialogProps {
  entity: Entity;
  subject: ModelTransition | 'update';
  count: number;
  onRun: (input: Values, comment: string) => Promise<void>;
  onClose: () => void;
}

/** Asks for what a step needs of all records, or which field is set to what. */
function BulkDialog({ entity, subject, count, onRun, onClose }: DialogProps) {
  const { t } = useTranslation();
  const pinyin = usePinyinFilter();
  const { locale } = useSession();
  const [chosen, setChosen] = useState<string | undefined>(undefined);
  const update = subject === 'update';
  const form: FormDefinition = useMemo(() => {
    if (!update) return entity.forms.find((one) => one.name === subject.form) ?? { name: '', label: '', groups: [] };
    return { name: '', label: '', groups: chosen ? [{ name: 'one', label: '', fields: [chosen] }] : [] };
  }, [update, subject, entity, chosen]);
  const fields = useMemo(() => editableFields(entity, form), [entity, form]);
  const errors = useServerErrors(entity, fields);
  const { running: saving, run } = useSubmission();
  const [dirty, setDirty] = useState(false);
  const close = useDiscard(dirty, onClose);
  const title = update ? t('bulk.changeTitle', { count }) : t('bulk.stepTitle', { label: subject.label, count });
  const submit = async (values: FormValues) => {
    if (update && !chosen) return;
    errors.clear();
    try {
      const input = collect(fields, values, locale);
      await onRun(update ? input : filledInput(input), String(values[commentField] ?? '').trim());
      onClose();
    } catch (error) {
      errors.show(error);
    }
  };
  const offered = entity.fields.filter((field) => isEditable(field) && field.right === 'write' && !isFile(field));
  return (
    <Modal open title={title} okText={update ? t('form.save') : subject.label} cancelText={!update && subject.label === t('form.cancel') ? t('form.notNow') : t('form.cancel')} okButtonProps={{ loading: saving, disabled: update && !chosen }} onOk={() => errors.form.submit()} onCancel={close} mask={{ closable: false }}>
      <FormProblemAlert problem={errors.problem} />
      {update && (
        <Select
          className="full bulk-field"
          showSearch={{ filterOption: pinyin }}
          aria-label={t('filter.field')}
          placeholder={t('filter.field')}
          value={chosen ?? null}
          options={offered.map((field) => ({ value: field.name, label: field.label }))}
          onChange={(name: string) => setChosen(name)}
        />
      )}
      <Form key={chosen ?? ''} form={errors.form} name={formName} layout="vertical" initialValues={toFormValues(fields, undefined, locale)} onValuesChange={() => setDirty(true)} onFinish={(values: FormValues) => void run(() => submit(values))}>
        <RecordFields entity={entity} form={form} plain />
        {!update && (
          <Form.Item
            name={commentField}
            label={t('record.comment')}
            required={subject.comment_required}
            rules={subject.comment_required ? [{ required: true, whitespace: true, message: t('record.commentRequired') }] : []}
          >
            <Input.TextArea autoSize={{ minRows: 2, maxRows: 8 }} />
          </Form.Item>
        )}
      </Form>
    </Modal>
  );
}

/** One line for each record: done, waiting for approval, or why not. */
function ResultDialog({ entity, label, rows, answer, onClose }: { entity: Entity; label: string; rows: RecordData[]; answer: Result; onClose: () => void }) {
  const { t } = useTranslation();
  const byId = new Map(rows.map((record) => [record.id, record]));
  // What was refused is what one has to look at.
  const items = [...answer.items].sort((a, b) => Number(a.status !== 'refused') - Number(b.status !== 'refused'));
  return (
    <Modal open title={label} width={720} footer={<Button type="primary" onClick={onClose}>{t('bulk.close')}</Button>} onCancel={onClose}>
      <p role="status">{t('bulk.summary', { done: answer.done, refused: answer.refused, waiting: answer.waiting ?? 0 })}</p>
      <Table
        size="small"
        className="plain-rows"
        rowKey={(row) => row.id ?? ''}
        pagination={{ pageSize: 50, hideOnSinglePage: true }}
        scroll={{ x: 'max-content', y: 360 }}
        dataSource={items}
        columns={[
          { title: t('rules.record'), render: (_, row) => { const record = byId.get(row.id ?? ''); return record ? <Link to={recordPagePath(entity.name, record.id)}>{titleOf(entity, record)}</Link> : row.id; } },
          { title: t('rules.outcome'), render: (_, row) => <Tag className={{ done: 'tag-done', waiting: 'tag-waiting', refused: 'tag-failed' }[row.status]}>{t(`bulk.status_${row.status}`)}</Tag> },
          { title: t('rules.why'), className: 'bulk-why', render: (_, row) => row.error?.detail ?? '' },
        ]}
      />
    </Modal>
  );
}
