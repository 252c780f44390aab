import PaperClipOutlined from '@ant-design/icons/es/icons/PaperClipOutlined';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import type { Field, RecordData } from '../api/types';
import { attachmentHref, attachmentsQuery } from '../files';
import { useApi } from '../services';

/** The file that is a field's value: a picture small, others by name where it is known already. */
export function FileLink({ entity, field, record, attachment, large }: { entity: string; field: Field; record: RecordData; attachment: string; large?: boolean }) {
  const { t } = useTranslation();
  // Only what the page has loaded anyway: a list of records asks nothing more.
  const list = useQuery({ ...attachmentsQuery(useApi(), entity, record.id), enabled: false });
  const known = list.data?.items.find((one) => one.id === attachment);
  const href = attachmentHref(entity, record.id, attachment);
  const name = known?.name ?? t('files.open');
  return (
    <a href={href} target="_blank" rel="noreferrer" className="file-link" title={name}>
      {field.type === 'image' ? <img className={large ? 'file-preview' : 'file-thumb'} src={`${href}?inline=1`} alt={known?.name ?? field.label} loading="lazy" /> : <><PaperClipOutlined aria-hidden /> {name}</>}
    </a>
  );
}
