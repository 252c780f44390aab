import { Alert } from 'antd';
import { useTranslation } from 'react-i18next';
import { Navigate, useLocation, useNavigate, useSearchParams } from 'react-router';
import { LanguageSwitch } from '../components/language_switch';
import { FullPageSpin } from '../components/load_state';
import { SignInForm } from '../components/sign_in';
import { useMe } from '../session';
import { useTitle } from '../use_title';

/** Where to go after signing in: only ever a page of this console. */
export function safeNext(next: string | null): string {
  return next && /^\/(?![/\\])/.test(next) && !next.startsWith('/log') ? next : '/';
}

export default function LoginPage() {
  const { t } = useTranslation();
  const [params] = useSearchParams();
  const navigate = useNavigate();
  const location = useLocation();
  const me = useMe();
  useTitle(t('login.title'));
  const next = safeNext(params.get('next'));
  const expired = (location.state as { expired?: boolean } | null)?.expired === true;

  if (me.isPending) return <FullPageSpin />;
  if (me.data) return <Navigate to={next} replace />;
  return (
    <div className="login">
      <div className="login-language">
        <LanguageSwitch />
      </div>
      <main className="login-card">
        <div className="brand login-brand">
          <img src="/favicon.svg" alt="" width={32} height={32} />
          <span>Caravan</span>
        </div>
        <h1>{t('login.title')}</h1>
        {expired && <Alert type="info" showIcon className="form-alert" title={t('login.expired')} />}
        <SignInForm onDone={() => void navigate(next, { replace: true })} />
      </main>
    </div>
  );
}
