import { Button, Result } from 'antd';
import { useEffect } from 'react';
import { useTranslation } from 'react-i18next';
import { useRouteError } from 'react-router';

/** Shown when a page fails to render or its code cannot be loaded (after an upgrade of the server, say). */
export default function CrashPage() {
  const { t } = useTranslation();
  const error = useRouteError();
  useEffect(() => console.error(error), [error]);
  return (
    <div>
      <Result
        status="warning"
        title={<h1 className="result-title">{t('error.crashTitle')}</h1>}
        extra={<Button type="primary" onClick={() => window.location.reload()}>{t('error.reload')}</Button>}
      />
    </div>
  );
}
