import CopyOutlined from '@ant-design/icons/es/icons/CopyOutlined';
import { Alert, App, Button, Input, Space } from 'antd';
import { useTranslation } from 'react-i18next';
import { copyText } from '../copy_text';

/** A secret that the server tells once, to be copied now. */
export function ToldOnce({ title, label, value }: { title: string; label: string; value: string }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const copy = async () => ((await copyText(value)) ? void message.success(t('once.copied')) : void message.warning(t('once.copyFailed')));
  return (
    <Alert
      type="success"
      className="told-once"
      title={title}
      description={
        <Space.Compact block>
          <Input readOnly value={value} aria-label={label} onFocus={(event) => event.target.select()} />
          <Button icon={<CopyOutlined aria-hidden />} onClick={() => void copy()}>{t('once.copy')}</Button>
        </Space.Compact>
      }
    />
  );
}
