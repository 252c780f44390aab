import { useCallback } from 'react';
import { useTranslation } from 'react-i18next';
import { ApiError } from './api/client';

/** What to tell a person about a failed request. */
export function useErrorText(): (error: unknown) => string {
  const { t } = useTranslation();
  return useCallback(
    (error: unknown) => {
      if (!(error instanceof ApiError)) return t('error.unknown');
      if (error.status === 0) return t('error.network');
      if (error.code === 'bad_answer') return t('error.badAnswer');
      const text =
        error.message ||
        (error.status === 403 ? t('error.forbidden') : error.status === 503 || error.status === 429 ? t('error.unavailable') : error.status >= 500 ? t('error.server') : t('error.unknown'));
      return error.status >= 500 && error.requestId ? `${text} ${t('error.requestId')}: ${error.requestId}` : text;
    },
    [t],
  );
}
