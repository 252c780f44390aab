import { App } from 'antd';
import { useTranslation } from 'react-i18next';
import { useUnsaved } from '../services';

/** For a form in a dialog: what was entered in it counts as unsaved, and what this returns asks before it closes over it. */
export function useDiscard(dirty: boolean, onClose: () => void): () => void {
  const { t } = useTranslation();
  const { modal } = App.useApp();
  useUnsaved(dirty);
  return () => {
    if (!dirty) {
      onClose();
      return;
    }
    modal.confirm({ title: t('form.leaveTitle'), okText: t('form.leave'), okButtonProps: { danger: true }, cancelText: t('form.stay'), autoFocusButton: 'cancel', onOk: onClose });
  };
}
