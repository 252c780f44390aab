import { Empty } from 'antd';
import { useTranslation } from 'react-i18next';
import { Navigate } from 'react-router';
import { navigation } from '../model';
import { listPath } from '../paths';
import { useSession } from '../session';

/** Begins with the first list that the user may see. */
export default function HomePage() {
  const { t } = useTranslation();
  const { model } = useSession();
  const first = navigation(model)[0]?.entities[0];
  if (first) return <Navigate to={listPath(first.name)} replace />;
  return (
    <div className="page">
      <Empty description={t('app.noModules')} />
    </div>
  );
}
