import DeleteOutlined from '@ant-design/icons/es/icons/DeleteOutlined';
import PaperClipOutlined from '@ant-design/icons/es/icons/PaperClipOutlined';
import UploadOutlined from '@ant-design/icons/es/icons/UploadOutlined';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { App, Button, Card } from 'antd';
import { useRef, useState, type DragEvent } from 'react';
import { useTranslation } from 'react-i18next';
import type { components } from '../api/schema';
import type { Entity, RecordData } from '../api/types';
import { attachmentsKey, attachmentsQuery, isPicture, sendFile } from '../files';
import { formatBytes, formatInstant } from '../format';
import { useRecordChanged } from '../record_queries';
import { useApi } from '../services';
import { useSession } from '../session';
import { useErrorText } from '../use_error_text';

type Attachment = components['schemas']['Attachment'];

/** Files of the record: dropped or chosen, opened, deleted. */
export default function Attachments({ entity, record }: { entity: Entity; record: RecordData }) {
  const { t } = useTranslation();
  const api = useApi();
  const queries = useQueryClient();
  const changed = useRecordChanged();
  const { locale } = useSession();
  const { message, modal } = App.useApp();
  const errorText = useErrorText();
  const input = useRef<HTMLInputElement>(null);
  const [sending, setSending] = useState(0);
  const [over, setOver] = useState(false);
  const key = attachmentsKey(entity.name, record.id);
  const list = useQuery(attachmentsQuery(api, entity.name, record.id));
  const items = list.data?.items ?? [];

  const after = () => {
    void queries.invalidateQueries({ queryKey: key });
    void changed(entity.name, record.id);
  };
  const send = async (files: FileList | null) => {
    for (const file of files ?? []) {
      setSending((now) => now + 1);
      try {
        await sendFile(api, entity.name, record.id, file);
      } catch (error) {
        void message.error(`${file.name}${t('value.colon')}${errorText(error)}`, 6);
      } finally {
        setSending((now) => now - 1);
      }
    }
    after();
  };
  const remove = (file: Attachment) =>
    modal.confirm({
      title: t('record.deleteTitle', { title: file.name }),
      okText: t('record.delete'),
      okButtonProps: { danger: true },
      cancelText: t('form.cancel'),
      onOk: async () => {
        try {
          await api.delete('/records/{entity}/{id}/attachments/{attachment}', { path: { entity: entity.name, id: record.id, attachment: file.id } });
        } catch (error) {
          void message.error(errorText(error), 6);
        }
        after();
      },
    });
  const drag = (event: DragEvent, inside: boolean) => {
    if (!event.dataTransfer.types.includes('Files') || !entity.rights.update) return;
    event.preventDefault();
    setOver(inside);
  };
  if (list.isError && !list.data) return null;
  if (items.length === 0 && !entity.rights.update) return null;
  return (
    <Card
      className={over ? 'group-card files-over' : 'group-card'}
      title={<h2>{t('files.title')} {items.length > 0 && <span className="board-count">{items.length}</span>}</h2>}
      extra={
        entity.rights.update && (
          <>
            <input ref={input} type="file" multiple hidden aria-hidden tabIndex={-1} onChange={(event) => { void send(event.target.files); event.target.value = ''; }} />
            <Button size="small" icon={<UploadOutlined aria-hidden />} loading={sending > 0} onClick={() => input.current?.click()}>
              {t('files.add')}
            </Button>
          </>
        )
      }
      onDragOver={(event) => drag(event, true)}
      onDragLeave={(event) => drag(event, false)}
      onDrop={(event) => {
        drag(event, false);
        void send(event.dataTransfer.files);
      }}
    >
      {items.length === 0 ? (
        <p className="muted day-none">{t('files.none')}</p>
      ) : (
        <ul className="day-list">
          {items.map((file) => (
            <li key={file.id}>
              {isPicture(file.media_type) ? <img className="file-thumb" src={`${file.href}?inline=1`} alt="" loading="lazy" /> : <PaperClipOutlined aria-hidden />}
              <a href={file.href} target="_blank" rel="noreferrer">{file.name}</a>
              <span className="muted">{formatBytes(file.size, locale.locale)}</span>
              <time className="muted" dateTime={file.created_at}>{formatInstant(file.created_at, locale.locale, locale.timeZone)}</time>
              {entity.rights.update && <Button type="text" size="small" danger icon={<DeleteOutlined aria-hidden />} aria-label={`${t('record.delete')} ${file.name}`} onClick={() => remove(file)} />}
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}
