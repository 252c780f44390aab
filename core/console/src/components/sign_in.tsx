import LockOutlined from '@ant-design/icons/es/icons/LockOutlined';
import UserOutlined from '@ant-design/icons/es/icons/UserOutlined';
import { useQueryClient } from '@tanstack/react-query';
import { Alert, Button, Form, Input, Modal } from 'antd';
import { useTranslation } from 'react-i18next';
import { ApiError } from '../api/client';
import type { User } from '../api/types';
import { useUnsavedCount } from '../services';
import { useSignIn } from '../session';
import { useErrorText } from '../use_error_text';

/** User name and password; says clearly why signing in did not work. */
export function SignInForm({ username, onDone }: { username?: string; onDone: (user: User) => void }) {
  const { t } = useTranslation();
  const signIn = useSignIn();
  const errorText = useErrorText();

  const explain = (error: unknown): string => {
    if (error instanceof ApiError && error.status === 401) return t('login.wrong');
    if (error instanceof ApiError && error.status === 429) {
      return error.retryAfter ? t('login.throttledFor', { count: error.retryAfter }) : t('login.throttled');
    }
    return errorText(error);
  };

  return (
    <Form
      layout="vertical"
      requiredMark={false}
      initialValues={{ username: username ?? '' }}
      onFinish={(values: { username: string; password: string }) =>
        signIn.mutate({ username: values.username.trim(), password: values.password }, { onSuccess: onDone })
      }
    >
      {signIn.isError && <Alert type="error" showIcon role="alert" className="form-alert" title={explain(signIn.error)} />}
      <Form.Item label={t('login.username')} name="username" rules={[{ required: true, whitespace: true, message: t('login.usernameRequired') }]}>
        <Input prefix={<UserOutlined aria-hidden />} autoComplete="username" autoCapitalize="none" spellCheck={false} autoFocus={!username} size="large" />
      </Form.Item>
      <Form.Item label={t('login.password')} name="password" rules={[{ required: true, message: t('login.passwordRequired') }]}>
        <Input.Password prefix={<LockOutlined aria-hidden />} autoComplete="current-password" autoFocus={!!username} size="large" />
      </Form.Item>
      <Button type="primary" htmlType="submit" block size="large" loading={signIn.isPending}>
        {t('login.submit')}
      </Button>
    </Form>
  );
}

/** Signing in again above a page whose unsaved work must not be lost. */
export function SignInAgain({ user }: { user: User }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const unsaved = useUnsavedCount();
  const done = (now: User) => {
    // Another person must not go on with this one's work.
    if (now.id !== user.id) {
      unsaved.current = 0;
      window.location.assign('/');
    } else void queries.invalidateQueries({ predicate: (query) => query.queryKey[0] !== 'me' });
  };
  return (
    <Modal open title={t('login.title')} footer={null} afterOpenChange={(open) => open && document.querySelector<HTMLElement>('.sign-in-again input[type="password"]')?.focus()} className="sign-in-again" closable={false} keyboard={false} mask={{ closable: false }} width={380}>
      <p>{t('login.expired')}</p>
      <SignInForm username={user.username} onDone={done} />
    </Modal>
  );
}
