import LockOutlined from '@ant-design/icons/es/icons/LockOutlined';
import { useTranslation } from 'react-i18next';
import type { Field } from '../api/types';

/** A field's label; a sensitive one has a lock, which screen readers tell, too. */
export function FieldLabel({ field }: { field: Field }) {
  const { t } = useTranslation();
  if (!field.sensitive) return <>{field.label}</>;
  const text = t('value.sensitive');
  return (
    <>
      {field.label} <LockOutlined className="muted" role="img" aria-label={text} title={text} />
    </>
  );
}
