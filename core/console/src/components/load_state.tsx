import { Button, Result, Spin } from 'antd';
import { useTranslation } from 'react-i18next';
import { ApiError } from '../api/client';
import { LinkButton } from './link_button';
import { useErrorText } from '../use_error_text';

export function FullPageSpin() {
  const { t } = useTranslation();
  return (
    <div className="full-page" role="status" aria-label={t('list.loading')}>
      <Spin size="large" />
    </div>
  );
}

/** Says why something could not be loaded, and offers to try again where that can help. */
export function LoadError({ error, onRetry, notFound, back }: { error: unknown; onRetry: () => void; notFound?: string; back?: string }) {
  const { t } = useTranslation();
  const text = useErrorText();
  const status = error instanceof ApiError ? error.status : undefined;
  if (status === 404 || status === 403) {
    return (
      <Result
        status={status}
        title={<h1 className="result-title">{status === 403 ? t('error.forbiddenTitle') : t('error.recordNotFoundTitle')}</h1>}
        subTitle={status === 403 ? text(error) : (notFound ?? t('error.recordNotFoundText'))}
        extra={
          <LinkButton type="primary" to={back ?? '/'}>
            {back ? t('error.backList') : t('error.backHome')}
          </LinkButton>
        }
      />
    );
  }
  return (
    <Result
      status="warning"
      title={<h1 className="result-title">{t('error.loadFailed')}</h1>}
      subTitle={text(error)}
      extra={<Button type="primary" onClick={onRetry}>{t('error.retry')}</Button>}
    />
  );
}
