import { App, Form, Input, Modal } from 'antd';
import { useTranslation } from 'react-i18next';
import { ApiError } from '../api/client';
import { useApi } from '../services';
import { useErrorText } from '../use_error_text';
import { useSubmission } from '../use_submission';

interface Values {
  current: string;
  new: string;
  again: string;
}

/** Changes one's own password; one's other sessions end. */
export default function OwnPassword({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const api = useApi();
  const { message } = App.useApp();
  const errorText = useErrorText();
  const [form] = Form.useForm<Values>();
  const { running: saving, run } = useSubmission();
  const save = async (values: Values) => {
    try {
      await api.post('/me/password', { current: values.current, new: values.new });
      void message.success(t('password.changed'));
      onClose();
    } catch (error) {
      const fields = error instanceof ApiError ? error.errors : [];
      if (fields.length > 0) form.setFields(fields.map((one) => ({ name: one.field === 'new' ? 'new' : 'current', errors: [one.message] })));
      else void message.error(errorText(error), 6);
    }
  };
  const rule = { required: true, message: t('login.passwordRequired') };
  return (
    <Modal open width={420} title={t('password.change')} okText={t('password.change')} cancelText={t('form.cancel')} okButtonProps={{ loading: saving }} onOk={() => form.submit()} onCancel={onClose}>
      <Form form={form} layout="vertical" requiredMark={false} onFinish={(values: Values) => void run(() => save(values))}>
        <Form.Item name="current" label={t('password.current')} rules={[rule]}>
          <Input.Password autoComplete="current-password" autoFocus />
        </Form.Item>
        <Form.Item name="new" label={t('password.new')} rules={[rule, { min: 8, message: t('password.short') }]}>
          <Input.Password autoComplete="new-password" />
        </Form.Item>
        <Form.Item
          name="again"
          label={t('password.again')}
          dependencies={['new']}
          rules={[rule, { validator: (_, value) => (!value || value === form.getFieldValue('new') ? Promise.resolve() : Promise.reject(new Error(t('password.differs')))) }]}
        >
          <Input.Password autoComplete="new-password" onPressEnter={() => form.submit()} />
        </Form.Item>
      </Form>
    </Modal>
  );
}
