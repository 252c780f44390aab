import { useQuery } from '@tanstack/react-query';
import { App, Button, Form, Input, Modal, Skeleton, Tooltip } from 'antd';
import { useEffect, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import { ApiError } from '../api/client';
import type { AvailableTransition, Entity, FieldError, FormDefinition, RecordData } from '../api/types';
import { changedInput, collect, editableFields, toFormValues, type FormValues, type Input as FieldInput } from '../form_values';
import { forgetText, keepText, keptValues } from '../kept';
import { fieldOf, stateOf } from '../model';
import { editPath } from '../paths';
import { useRecordChanged } from '../record_queries';
import { useApi, useLanguage } from '../services';
import { useSession } from '../session';
import { useSteady } from '../steady';
import { shownInput, useDraft } from '../use_draft';
import { useSubmission } from '../use_submission';
import { useErrorText } from '../use_error_text';
import { ApprovalItem } from './approvals';
import { FormProblemAlert } from './form_problem';
import { formName, RecordFields } from './record_fields';
import { useDiscard } from './use_discard';
import { useServerErrors } from './use_server_errors';

interface Step {
  input?: FieldInput;
  comment?: string;
}

/**
 * Takes steps of records: asks for what a step needs, explains a refusal, loads anew what has changed. `dialog` is to be
 * rendered.
 */
export function useSteps(entity: Entity) {
  const { t } = useTranslation();
  const api = useApi();
  const navigate = useNavigate();
  const { message, modal } = App.useApp();
  const errorText = useErrorText();
  const changed = useRecordChanged();
  const [running, setRunning] = useState<{ id: string; name: string } | null>(null);
  const [asking, setAsking] = useState<{ record: RecordData; transition: AvailableTransition } | null>(null);

  const run = async (record: RecordData, transition: AvailableTransition, step: Step) => {
    setRunning({ id: record.id, name: transition.name });
    try {
      const answer: object | undefined = await api.post('/records/{entity}/{id}/transitions/{name}', step, {
        path: { entity: entity.name, id: record.id, name: transition.name },
        version: record.version,
      });
      const asked = transition.approval === true && answer !== undefined && 'asked_by' in answer;
      void message.success(t(asked ? 'approval.sent' : 'record.done', { label: transition.label }));
      await changed(entity.name, record.id);
    } finally {
      setRunning(null);
    }
  };

  /** Where the record is no longer what the user saw, the newest is shown. True where that explains the refusal. */
  const refused = (record: RecordData, error: unknown): boolean => {
    if (!(error instanceof ApiError) || ![404, 409, 412].includes(error.status)) return false;
    void changed(entity.name, record.id);
    if (error.status !== 412) return false;
    void message.warning(t('conflict.transition'));
    return true;
  };

  const start = (record: RecordData, transition: AvailableTransition) => {
    if (!transition.allowed || running) return;
    if (transition.form || transition.comment_required) {
      setAsking({ record, transition });
      return;
    }
    run(record, transition, {}).catch((error: unknown) => {
      if (refused(record, error) || (error instanceof ApiError && error.status === 401)) return;
      const errors = error instanceof ApiError ? error.errors : [];
      const canEdit = errors.some((one) => one.field) && entity.rights.update;
      const config = {
        title: t('record.refusedTitle', { label: transition.label }),
        content: <RefusalText text={errorText(error)} errors={errors} entity={entity} />,
      };
      if (!canEdit) {
        modal.error(config);
        return;
      }
      modal.confirm({
        ...config,
        type: 'error',
        okText: t('record.editNow'),
        cancelText: t('form.cancel'),
        onOk: () => void navigate(editPath(entity.name, record.id)),
      });
    });
  };

  const undo = async (record: RecordData, label: string) => {
    setRunning({ id: record.id, name: '' });
    try {
      await api.post('/records/{entity}/{id}/undo', undefined as never, { path: { entity: entity.name, id: record.id }, version: record.version });
      void message.success(t('record.undone', { label }));
      await changed(entity.name, record.id);
    } catch (error) {
      if (!refused(record, error)) void message.error(errorText(error));
    } finally {
      setRunning(null);
    }
  };

  const dialog = asking && (
    <StepForm
      entity={entity}
      record={asking.record}
      transition={asking.transition}
      onRun={(step) => run(asking.record, asking.transition, step)}
      onRefused={(error) => refused(asking.record, error)}
      onClose={() => setAsking(null)}
    />
  );
  return { running, start, undo, dialog, run, refused };
}

/** The steps out of a record's state, as they stand for the user. */
export function useAvailableSteps(entity: Entity, record: RecordData, enabled = true) {
  const api = useApi();
  const { language } = useLanguage();
  return useQuery({
    queryKey: ['transitions', entity.name, record.id, record.version, language],
    queryFn: ({ signal }) => api.get('/records/{entity}/{id}/transitions', { path: { entity: entity.name, id: record.id }, signal }),
    enabled,
    // Of the record's version before, until those of the new one are there.
    placeholderData: (before, query) => (query?.queryKey[1] === entity.name && query.queryKey[2] === record.id ? before : undefined),
  });
}

/** Buttons for the steps out of the record's state; what is not allowed says why. `inline`: the form of the first step that has one stands open. */
export function TransitionButtons({ entity, record, inline }: { entity: Entity; record: RecordData; inline?: boolean }) {
  const { t } = useTranslation();
  const errorText = useErrorText();
  const transitions = useAvailableSteps(entity, record);
  const { running, start, undo, dialog, run, refused } = useSteps(entity);
  const known = useSteady(transitions.data);

  // Whatever becomes of the buttons, a dialog that is open stays, with what was entered in it.
  if (!known) {
    return (
      <>
        {transitions.isError ? (
          <Button size="small" danger onClick={() => void transitions.refetch()}>
            {errorText(transitions.error)} {t('error.retry')}
          </Button>
        ) : (
          <Skeleton.Button active size="small" />
        )}
        {dialog}
      </>
    );
  }
  const cancelling = (one: AvailableTransition) => stateOf(entity, one.to)?.category === 'cancelled';
  // What gives the record up stands last, away from the way on.
  const items = [...known.items].sort((a, b) => Number(cancelling(a)) - Number(cancelling(b)));
  const open = inline ? items.find((one) => one.allowed && one.form && !cancelling(one)) : undefined;
  const primary = open ? undefined : items.find((one) => one.allowed && !cancelling(one))?.name;
  return (
    <>
      <div className="transitions" role="group" aria-label={t('record.actions')}>
        {items.length === 0 && <span className="muted">{t('record.noActions')}</span>}
        {items.filter((one) => one !== open).map((transition) => {
          const button = (
            <Button
              key={transition.name}
              type={transition.name === primary ? 'primary' : 'default'}
              danger={cancelling(transition)}
              loading={running?.name === transition.name}
              // Not `disabled`: a keyboard must reach the reason, too.
              aria-disabled={!transition.allowed || undefined}
              className={transition.allowed ? '' : 'not-allowed'}
              onClick={() => start(record, transition)}
            >
              {transition.label}
            </Button>
          );
          return transition.allowed || !transition.why ? (
            button
          ) : (
            <Tooltip key={transition.name} title={transition.why} trigger={['hover', 'focus']}>
              {button}
            </Tooltip>
          );
        })}
        {known.undo && (
          <Button type="link" loading={running?.name === ''} onClick={() => void undo(record, known.undo!.label)}>
            {t('record.undo', { label: known.undo.label })}
          </Button>
        )}
      </div>
      {dialog}
      {open && <StepForm key={`${record.id}/${open.name}`} entity={entity} record={record} transition={open} onRun={(step) => run(record, open, step)} onRefused={(error) => refused(record, error)} />}
      {(known.approvals ?? []).map((approval) => (
        <ApprovalItem key={approval.id} approval={approval} entity={entity} />
      ))}
    </>
  );
}

function RefusalText({ text, errors, entity }: { text: string; errors: FieldError[]; entity: Entity }) {
  if (errors.length === 0) return <>{text}</>;
  const others = errors.filter((error) => error.message !== text);
  return (
    <>
      {text}
      <ul className="plain-list">
        {others.map((error, index) => (
          <li key={index}>
            {error.field && fieldOf(entity, error.field) && !error.message.includes(fieldOf(entity, error.field)!.label) ? `${fieldOf(entity, error.field)!.label} · ` : ''}
            {error.message}
          </li>
        ))}
      </ul>
    </>
  );
}

interface DialogProps {
  entity: Entity;
  record: RecordData;
  transition: AvailableTransition;
  onRun: (step: Step) => Promise<void>;
  onRefused: (error: unknown) => boolean;
  /** Of a dialog; without it the form stands in the page. */
  onClose?: () => void;
}

const noForm: FormDefinition = { name: '', label: '', groups: [] };
const commentField = '$comment'; // no field's name has a $

const stay = () => undefined;

/** Asks for what a step needs: fields of its form, a comment. In the page, what was typed outlasts a look at another. */
function StepForm({ entity, record, transition, onRun, onRefused, onClose }: DialogProps) {
  const { t } = useTranslation();
  const { locale, user } = useSession();
  const definition = entity.forms.find((one) => one.name === transition.form) ?? noForm;
  const fields = useMemo(() => editableFields(entity, definition), [entity, definition]);
  const initial = useMemo(() => toFormValues(fields, record, locale), [fields, record, locale]);
  const keptKey = `${user.id}/step/${entity.name}/${record.id}/${transition.name}`;
  const [kept] = useState(() => (onClose ? undefined : keptValues(keptKey)));
  const [begin] = useState(() =>
    kept ? { ...initial, ...toFormValues(fields.filter((field) => field.name in kept), { ...record, ...kept }, locale), [commentField]: kept[commentField] } : initial,
  );
  const { form, problem, show, clear } = useServerErrors(entity, fields);
  const { running: saving, run } = useSubmission();
  const [dirty, setDirty] = useState(kept !== undefined);
  const close = useDiscard(dirty, onClose ?? stay);
  // In the page the same step may be there again; what nobody has touched is as the record is now.
  useEffect(() => {
    if (!dirty && !onClose) form.setFieldsValue({ ...initial, [commentField]: undefined });
  }, [dirty, onClose, form, initial]);

  const entered = () => changedInput(fields, collect(fields, initial, locale), collect(fields, form.getFieldsValue(true) as FormValues, locale));
  // A step that asks for no field has no conditions to show.
  const { draft, ready, changed, settled } = useDraft(fields.length > 0 ? entity : { ...entity, live: false }, { id: record.id, transition: transition.name }, entered);

  const change = () => {
    const input = entered();
    const comment = String(form.getFieldValue(commentField) ?? '');
    const any = Object.keys(input).length > 0 || comment.trim() !== '';
    setDirty(any);
    if (!onClose) keepText(keptKey, any ? JSON.stringify({ ...input, ...(comment ? { [commentField]: comment } : {}) }) : '');
    changed();
  };

  const submit = async (values: FormValues) => {
    clear();
    const comment = String(values[commentField] ?? '').trim();
    try {
      const input = shownInput(await settled(), entered());
      await onRun({ ...(Object.keys(input).length > 0 ? { input } : {}), ...(comment ? { comment } : {}) });
      forgetText(keptKey);
      setDirty(false);
      onClose?.();
    } catch (error) {
      if (onRefused(error)) onClose?.();
      else show(error);
    }
  };

  const body = (
    <>
      <FormProblemAlert problem={problem} />
      <Form form={form} name={onClose ? formName : 'step'} layout="vertical" initialValues={begin} className={ready ? undefined : 'unready'} onValuesChange={change} onFinish={(values: FormValues) => void run(() => submit(values))} scrollToFirstError>
        <RecordFields entity={entity} form={definition} record={record} plain draft={draft} dense={!onClose} name={onClose ? formName : 'step'} />
        <Form.Item
          name={commentField}
          label={t('record.comment')}
          required={transition.comment_required === true}
          rules={transition.comment_required ? [{ required: true, whitespace: true, message: t('record.commentRequired') }] : []}
        >
          <Input.TextArea autoSize={{ minRows: onClose ? 2 : 1, maxRows: 8 }} />
        </Form.Item>
        {!onClose && (
          <Button type="primary" htmlType="submit" loading={saving}>
            {transition.label}
          </Button>
        )}
      </Form>
    </>
  );
  if (!onClose) return <div className="step-form">{body}</div>;
  return (
    <Modal
      open
      title={transition.label}
      okText={transition.label}
      // A step may be called just so.
      cancelText={transition.label === t('form.cancel') ? t('form.notNow') : t('form.cancel')}
      okButtonProps={{ loading: saving, danger: stateOf(entity, transition.to)?.category === 'cancelled' }}
      onOk={() => form.submit()}
      onCancel={close}
      mask={{ closable: false }}
    >
      {body}
    </Modal>
  );
}
