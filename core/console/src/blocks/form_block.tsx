import { Alert, Button, Form } from 'antd';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import type { Entity, FormDefinition, RecordData } from '../api/types';
import { FormProblemAlert } from '../components/form_problem';
import { RecordFields } from '../components/record_fields';
import { useServerErrors } from '../components/use_server_errors';
import { changedInput, collect, editableFields, filledInput, toFormValues, type FormValues } from '../form_values';
import { titleOf } from '../model';
import { recordPagePath } from '../paths';
import { useRecordChanged } from '../record_queries';
import { useApi } from '../services';
import { useSession } from '../session';

interface Props {
  entity: Entity;
  form: FormDefinition;
  name: string;
  onDirty: (dirty: boolean) => void;
}

/** Makes a record and is empty again. */
export default function FormBlock({ entity, form: definition, name, onDirty }: Props) {
  const { t } = useTranslation();
  const api = useApi();
  const { locale } = useSession();
  const changed = useRecordChanged();
  const fields = useMemo(() => editableFields(entity, definition), [entity, definition]);
  const initial = useMemo(() => toFormValues(fields, undefined, locale), [fields, locale]);
  const { form, problem, show, clear } = useServerErrors(entity, fields);
  const [saving, setSaving] = useState(false);
  const [made, setMade] = useState<RecordData | null>(null);

  const now = () => collect(fields, form.getFieldsValue(true) as FormValues, locale);
  const save = async () => {
    if (saving) return;
    setSaving(true);
    clear();
    try {
      const created = await api.post('/records/{entity}', filledInput(now()), { path: { entity: entity.name } });
      setMade(created);
      form.resetFields();
      onDirty(false);
      await changed(entity.name);
    } catch (error) {
      show(error);
    } finally {
      setSaving(false);
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
        initialValues={initial}
        onValuesChange={() => onDirty(Object.keys(changedInput(fields, collect(fields, initial, locale), now())).length > 0)}
        onFinish={() => void save()}
      >
        <RecordFields entity={entity} form={definition} plain />
        <Button type="primary" htmlType="submit" loading={saving}>
          {t('form.save')}
        </Button>
      </Form>
    </>
  );
}
