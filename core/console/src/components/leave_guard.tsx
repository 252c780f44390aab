import { Modal } from 'antd';
import type { RefObject } from 'react';
import { useTranslation } from 'react-i18next';
import { useBlocker } from 'react-router';
import { useUnsaved } from '../services';

/** Asks before a page with unsaved changes is left. `released` lets the next navigation pass; `onLeave`: they are given up. */
export function LeaveGuard({ dirty, released, onLeave }: { dirty: boolean; released: RefObject<boolean>; onLeave?: () => void }) {
  const { t } = useTranslation();
  useUnsaved(dirty);
  const blocker = useBlocker(({ currentLocation, nextLocation }) => dirty && !released.current && currentLocation.pathname !== nextLocation.pathname);
  return (
    <Modal
      open={blocker.state === 'blocked'}
      title={t('form.leaveTitle')}
      okText={t('form.leave')}
      okButtonProps={{ danger: true }}
      cancelText={t('form.stay')}
      onOk={() => {
        onLeave?.();
        blocker.proceed?.();
      }}
      onCancel={() => blocker.reset?.()}
      width={420}
    >
      {t('form.leaveText')}
    </Modal>
  );
}
