import EditOutlined from '@ant-design/icons/es/icons/EditOutlined';
import { App, Button, Form, Popover, Select } from 'antd';
import { useEffect, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ApiError } from '../api/client';
import type { Entity, Field, FormDefinition, RecordData } from '../api/types';
import { FormProblemAlert } from '../components/form_problem';
import { formName, RecordFields } from '../components/record_fields';
import { useServerErrors } from '../components/use_server_errors';
import { changedInput, collect, toFormValues, type FormValues } from '../form_values';
import { titleOf } from '../model';
import { useRecordChanged } from '../record_queries';
import { useApi, useUnsaved } from '../services';
import { useSession } from '../session';
import { shownInput, useDraft } from '../use_draft';
import { useSubmission } from '../use_submission';

interface Props {
  entity: Entity;
  /** Those that can be changed in this list. */
  fields: Field[];
  field: Field;
  record: RecordData;
  onField: (name: string) => void;
  onClose: () => void;
}

/** Changes one field of a row in place; open as long as it is there. */
export default function QuickEdit({ entity, fields, field, record, onField, onClose }: Props) {
  const { t } = useTranslation();
  const label = t('quick.edit', { label: field.label, title: titleOf(entity, record) });
  // Where it was opened from gets the focus back.
  const [before] = useState(() => document.activeElement);
  const [dirty, setDirty] = useState(false);
  useUnsaved(dirty);
  const close = () => {
    onClose();
    if (before instanceof HTMLElement) before.focus();
  };
  const title = <Select className="full" size="small" aria-label={t('filter.field')} value={field.name} options={fields.map((one) => ({ value: one.name, label: one.label }))} onChange={onField} />;
  const content = (
    <div
      className="quick-editor"
      role="dialog"
      aria-label={label}
      onKeyDown={(event) => {
        event.stopPropagation();
        if (event.key === 'Escape') close();
      }}
    >
      {fields.length > 1 && title}
      <Editor key={field.name} entity={entity} field={field} record={record} onDirty={setDirty} onClose={close} />
    </div>
  );
  return (
    // What was changed is saved or cancelled, not lost by a click beside it.
    <Popover trigger="click" open onOpenChange={(open) => !open && !dirty && close()} content={content}>
      <button type="button" className="quick-edit quick-open" tabIndex={-1} aria-label={label} aria-expanded>
        <EditOutlined aria-hidden />
      </button>
    </Popover>
  );
}

function Editor({ entity, field, record, onDirty, onClose }: { entity: Entity; field: Field; record: RecordData; onDirty: (dirty: boolean) => void; onClose: () => void }) {
  const { t } = useTranslation();
  const api = useApi();
  const { locale } = useSession();
  const { message } = App.useApp();
  const changed = useRecordChanged();
  const fields = useMemo(() => [field], [field]);
  const form: FormDefinition = useMemo(() => ({ name: '', label: '', groups: [{ name: 'one', label: '', fields: [field.name] }] }), [field.name]);
  const initial = useMemo(() => toFormValues(fields, record, locale), [fields, record, locale]);
  const errors = useServerErrors(entity, fields);
  const { running: saving, run } = useSubmission();
  const entered = () => changedInput(fields, collect(fields, initial, locale), collect(fields, errors.form.getFieldsValue(true) as FormValues, locale));
  const { draft, ready, changed: ask, settled } = useDraft(entity, { id: record.id }, entered);
  useEffect(() => {
    // The popover is in place a moment after it is there.
    const timer = setTimeout(() => document.getElementById(`${formName}_${field.name}`)?.focus(), 50);
    return () => clearTimeout(timer);
  }, [field.name]);
  const save = async () => {
    errors.clear();
    try {
      const input = shownInput(await settled(), entered());
      if (Object.keys(input).length > 0) await api.patch('/records/{entity}/{id}', input, { path: { entity: entity.name, id: record.id }, version: record.version });
      void message.success(t(Object.keys(input).length > 0 ? 'form.saved' : 'form.unchanged'));
      void changed(entity.name, record.id);
      onClose();
    } catch (error) {
      if (error instanceof ApiError && (error.status === 412 || error.status === 404)) {
        void changed(entity.name, record.id);
        void message.warning(t(error.status === 412 ? 'quick.conflict' : 'conflict.gone'));
        onClose();
        return;
      }
      errors.show(error);
    }
  };
  return (
    <>
      <FormProblemAlert problem={errors.problem} />
      <Form form={errors.form} name={formName} layout="vertical" initialValues={initial} className={ready ? undefined : 'unready'} onValuesChange={() => { onDirty(Object.keys(entered()).length > 0); ask(); }} onFinish={() => void run(save)}>
        <RecordFields entity={entity} form={form} record={record} plain draft={draft} />
        <div className="row-actions">
          <Button type="primary" size="small" htmlType="submit" loading={saving}>{t('form.save')}</Button>
          <Button size="small" onClick={onClose}>{t('form.cancel')}</Button>
        </div>
      </Form>
    </>
  );
}
