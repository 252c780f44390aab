import PlusCircleOutlined from '@ant-design/icons/es/icons/PlusCircleOutlined';
import { App, Button } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Entity, FormDefinition } from '../api/types';
import { titleOf } from '../model';
import { FormDialog } from './form_block';

/** A button that asks for a new record; large, for it is pressed in a hurry. */
export default function ButtonBlock({ entity, form, name, label }: { entity: Entity; form: FormDefinition; name: string; label: string }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button type="primary" danger={/^(alert|warning|fire)/.test(entity.icon)} size="large" block icon={<PlusCircleOutlined aria-hidden />} aria-haspopup="dialog" onClick={() => setOpen(true)}>
        {label}
      </Button>
      {open && (
        <FormDialog
          entity={entity}
          form={form}
          name={name}
          title={label}
          onClose={() => setOpen(false)}
          onMade={(record) => {
            setOpen(false);
            void message.success(t('page.created', { title: titleOf(entity, record) }));
          }}
        />
      )}
    </>
  );
}
