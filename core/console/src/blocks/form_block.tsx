import { Alert, App, Button, Form, Modal } from 'antd';
import { useEffect, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import type { Entity, FormDefinition, RecordData } from '../api/types';
import { FormProblemAlert } from '../components/form_problem';
import { RecordFields } from '../components/record_fields';
import { useDiscard } from '../components/use_discard';
import { useServerErrors } from '../components/use_server_errors';
import { chosenFiles, sendFile } from '../files';
import { changedInput, collect, editableFields, filledInput, toFormValues, type FormValues } from '../form_values';
import { forgetText, keepText, keptValues } from '../kept';
import { titleOf } from '../model';
import { recordPagePath } from '../paths';
import { useRecordChanged } from '../record_queries';
import { useApi } from '../services';
import { useSession } from '../session';
import { shownInput, useDraft } from '../use_draft';
import { useSubmission } from '../use_submission';

interface Props {
  entity: Entity;
  form: FormDefinition;
  name: string;
  onDirty: (dirty: boolean) => void;
  /** A record that the new one points to, by the field. */
  preset?: { field: string; id: string; title: string } | undefined;
  /** Otherwise it says itself that the record is there. */
  onMade?: (record: RecordData) => void;
}

/** Makes a record and is empty again. What was typed stays over a lost connection and a reload. */
export default function FormBlock({ entity, form: definition, name, onDirty, preset, onMade }: Props) {
  const { t } = useTranslation();
  const api = useApi();
  const { locale, user } = useSession();
  const changed = useRecordChanged();
  const { message } = App.useApp();
  const fields = useMemo(() => editableFields(entity, definition), [entity, definition]);
  const record = useMemo<RecordData | undefined>(() => (preset ? { id: '', version: 0, expanded: { [preset.field]: { id: preset.id, title: preset.title } } } : undefined), [preset]);
  const initial = useMemo(() => ({ ...toFormValues(fields, undefined, locale), ...(preset ? { [preset.field]: preset.id } : {}) }), [fields, locale, preset]);
  const keptKey = `${user.id}/block/${name}/${entity.name}`;
  const [begin] = useState(() => {
    const kept = preset ? undefined : keptValues(keptKey);
    return kept ? { ...initial, ...toFormValues(fields.filter((field) => field.name in kept), { id: '', version: 0, ...kept }, locale) } : initial;
  });
  const { form, problem, show, clear } = useServerErrors(entity, fields);
  const { running: saving, run } = useSubmission();
  const [made, setMade] = useState<RecordData | null>(null);

  const now = () => collect(fields, form.getFieldsValue(true) as FormValues, locale);
  const entered = () => changedInput(fields, collect(fields, initial, locale), now());
  const { draft, ready, changed: ask, settled } = useDraft(entity, {}, () => filledInput(now()));
  useEffect(() => {
    if (begin !== initial) onDirty(true);
    // Once: whether it began with something kept.
  }, []);
  const save = async () => {
    clear();
    try {
      const created = await api.post('/records/{entity}', shownInput(await settled(), filledInput(now())), { path: { entity: entity.name } });
      for (const { field, file } of chosenFiles(fields, form.getFieldsValue(true) as FormValues)) {
        await sendFile(api, entity.name, created.id, file, field.name).catch(() => message.error(`${field.label}${t('value.colon')}${file.name}`, 8));
      }
      forgetText(keptKey);
      form.setFieldsValue(initial);
      onDirty(false);
      if (onMade) onMade(created);
      else setMade(created);
      await changed(entity.name);
    } catch (error) {
      show(error);
    }
  };
  return (
    <>
      {made && !problem && (
        <Alert
          type="success"
          showIcon
          role="status"
          className="form-alert"
          title={
            <>
              {t('page.created', { title: titleOf(entity, made) })} <Link to={recordPagePath(entity.name, made.id)}>{t('page.open')}</Link>
            </>
          }
        />
      )}
      <FormProblemAlert problem={problem} />
      <Form
        form={form}
        name={`block_${name}`}
        layout="vertical"
        initialValues={begin}
        className={ready ? undefined : 'unready'}
        onValuesChange={() => {
          const input = entered();
          const dirty = Object.keys(input).length > 0;
          onDirty(dirty);
          if (!preset) keepText(keptKey, dirty ? JSON.stringify(input) : '');
          ask();
        }}
        onFinish={() => void run(save)}
      >
        <RecordFields entity={entity} form={definition} record={record} plain draft={draft} name={`block_${name}`} />
        <Button type="primary" htmlType="submit" loading={saving}>
          {t('form.save')}
        </Button>
      </Form>
    </>
  );
}

/** The same in a dialog. */
export function FormDialog({ title, onClose, onMade, ...rest }: Omit<Props, 'onDirty'> & { title: string; onClose: () => void; onMade: (record: RecordData) => void }) {
  const [dirty, setDirty] = useState(false);
  const close = useDiscard(dirty, onClose);
  return (
    <Modal open title={title} footer={null} onCancel={close} mask={{ closable: false }}>
      <FormBlock {...rest} onDirty={setDirty} onMade={onMade} />
    </Modal>
  );
}
