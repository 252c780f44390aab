import { Modal } from 'antd';
import { lazy, Suspense, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import type { Entity, RecordData } from '../api/types';
import { titleOf } from '../model';
import { recordPagePath } from '../paths';
import { useApi } from '../services';
import { RefSelect } from './ref_select';

const MergeDialog = lazy(() => import('./merge_dialog'));

/** Asks which other record is the same as this one, then how to make one of the two. */
export default function MergeWith({ entity, record, onClose }: { entity: Entity; record: RecordData; onClose: () => void }) {
  const { t } = useTranslation();
  const api = useApi();
  const navigate = useNavigate();
  const [other, setOther] = useState<{ id: string; title: string } | null>(null);
  if (other) {
    return (
      <Suspense fallback={null}>
        <MergeDialog
          entity={entity}
          records={[{ id: record.id, title: titleOf(entity, record) }, other]}
          onClose={onClose}
          onDone={(survivor) => {
            onClose();
            if (survivor !== record.id) void navigate(recordPagePath(entity.name, survivor), { replace: true });
          }}
        />
      </Suspense>
    );
  }
  const choose = async (id: string) => {
    const found = id === record.id ? undefined : await api.get('/records/{entity}/{id}', { path: { entity: entity.name, id } }).catch(() => undefined);
    if (found) setOther({ id, title: titleOf(entity, found) });
  };
  return (
    <Modal open title={t('merge.with', { title: titleOf(entity, record) })} footer={null} onCancel={onClose}>
      <p className="muted">{t('merge.withText')}</p>
      <RefSelect className="full" to={entity.name} aria-label={t('merge.other')} value={undefined as never} onChange={(id) => void choose(String(id))} />
    </Modal>
  );
}
