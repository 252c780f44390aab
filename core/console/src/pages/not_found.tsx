import { Result } from 'antd';
import { useTranslation } from 'react-i18next';
import { LinkButton } from '../components/link_button';
import { useTitle } from '../use_title';

export default function NotFoundPage() {
  const { t } = useTranslation();
  useTitle(t('error.notFoundTitle'));
  return (
    <div>
      <Result
        status="404"
        title={<h1 className="result-title">{t('error.notFoundTitle')}</h1>}
        subTitle={t('error.notFoundText')}
        extra={
          <LinkButton type="primary" to="/">
            {t('error.backHome')}
          </LinkButton>
        }
      />
    </div>
  );
}
