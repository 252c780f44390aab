import { useQuery, useQueryClient } from '@tanstack/react-query';
import { App, Button, Card } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { components } from '../api/schema';
import type { Entity, RecordData } from '../api/types';
import { At } from '../admin/parts';
import { useApi } from '../services';
import { useErrorText } from '../use_error_text';

type Merge = components['schemas']['Merge'];

/** What was merged into the record; the newest can be taken back. Nothing where nothing was. */
export default function Merges({ entity, record }: { entity: Entity; record: RecordData }) {
  const { t } = useTranslation();
  const api = useApi();
  const queries = useQueryClient();
  const { message, modal } = App.useApp();
  const errorText = useErrorText();
  const [opened] = useState(() => Date.now());
  const path = { entity: entity.name, id: record.id };
  const list = useQuery({ queryKey: ['merges', entity.name, record.id], queryFn: ({ signal }) => api.get('/records/{entity}/{id}/merges', { path, signal }) });
  const items = list.data?.items ?? [];
  if (items.length === 0) return null;
  const newest = items.find((one) => !one.undone_at);
  const undo = (one: Merge) =>
    modal.confirm({
      title: t('merge.undoTitle', { title: one.title || one.number || `#${one.merged}` }),
      content: t('merge.undoText'),
      okText: t('merge.undo'),
      cancelText: t('form.cancel'),
      onOk: async () => {
        try {
          await api.post('/records/{entity}/{id}/merges/{merge}/undo', {} as never, { path: { ...path, merge: one.id } });
          void message.success(t('merge.undone'));
        } catch (error) {
          void message.error(errorText(error), 6);
        }
        for (const kind of ['list', 'record', 'timeline', 'merges', 'attachments', 'options']) void queries.invalidateQueries({ queryKey: [kind] });
      },
    });
  return (
    <Card className="group-card" title={<h2>{t('merge.history')}</h2>}>
      <ul className="day-list">
        {items.map((one) => (
          <li key={one.id}>
            <span>{one.title || one.number || `#${one.merged}`}</span>
            {one.number && one.number !== one.title && <span className="muted">{one.number}</span>}
            {one.undone_at ? (
              <span className="muted">{t('merge.wasUndone')}</span>
            ) : (
              one === newest && entity.rights.update && Date.parse(one.undo_until) > opened && (
                <Button size="small" onClick={() => undo(one)} aria-label={`${t('merge.undo')} ${one.title ?? ''}`}>{t('merge.undo')}</Button>
              )
            )}
            <At time={one.at} />
          </li>
        ))}
      </ul>
    </Card>
  );
}
