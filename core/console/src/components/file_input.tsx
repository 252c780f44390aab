import DeleteOutlined from '@ant-design/icons/es/icons/DeleteOutlined';
import UploadOutlined from '@ant-design/icons/es/icons/UploadOutlined';
import { Button } from 'antd';
import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Field, RecordData } from '../api/types';
import { isPicture } from '../files';
import { formatBytes } from '../format';
import { useSession } from '../session';
import { FileLink } from './file_link';

const pictures = 'image/png,image/jpeg,image/gif,image/webp';

interface Props {
  entity: string;
  field: Field;
  record: RecordData | undefined;
  id?: string;
  /** Id of the attachment that is there, or what was chosen and is sent when the form is saved. */
  value?: string | File | null;
  onChange?: (value: string | File | null) => void;
  disabled?: boolean;
}

/** One file of a record: seen, replaced, removed. */
export function FileInput({ entity, field, record, id, value, onChange, disabled }: Props) {
  const { t } = useTranslation();
  const { locale } = useSession();
  const input = useRef<HTMLInputElement>(null);
  const chosen = value instanceof File ? value : undefined;
  const preview = usePreview(chosen);
  const stored = typeof value === 'string' && value !== '' && record?.id ? value : undefined;
  return (
    <div className="file-input">
      {chosen && (
        <span className="file-chosen">
          {preview && <img className="file-preview" src={preview} alt="" />}
          <span>{chosen.name}</span> <span className="muted">{formatBytes(chosen.size, locale.locale)}</span>
        </span>
      )}
      {stored && <FileLink entity={entity} field={field} record={record!} attachment={stored} large />}
      <span className="row-actions">
        <input
          ref={input}
          type="file"
          hidden
          aria-hidden
          tabIndex={-1}
          {...(field.type === 'image' ? { accept: pictures } : {})}
          onChange={(event) => {
            const file = event.target.files?.[0];
            if (file) onChange?.(file);
            event.target.value = '';
          }}
        />
        <Button {...(id ? { id } : {})} size="small" icon={<UploadOutlined aria-hidden />} disabled={disabled ?? false} aria-label={`${chosen || stored ? t('files.replace') : t('files.choose')} ${field.label}`} onClick={() => input.current?.click()}>
          {chosen || stored ? t('files.replace') : t('files.choose')}
        </Button>
        {(chosen || stored) && (
          <Button size="small" type="text" danger icon={<DeleteOutlined aria-hidden />} disabled={disabled ?? false} aria-label={`${t('files.remove')} ${field.label}`} onClick={() => onChange?.(null)}>
            {t('files.remove')}
          </Button>
        )}
      </span>
    </div>
  );
}

/** The picture as an address that the page may show; undefined of other files. */
function usePreview(file: File | undefined): string | undefined {
  const [shown, setShown] = useState<{ file: File; url: string } | null>(null);
  useEffect(() => {
    if (!file || !isPicture(file.type)) return undefined;
    const reader = new FileReader();
    reader.onload = () => setShown({ file, url: String(reader.result) });
    reader.readAsDataURL(file);
    return () => reader.abort();
  }, [file]);
  return shown && shown.file === file ? shown.url : undefined;
}
