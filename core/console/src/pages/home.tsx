import { Empty } from 'antd';
import { useTranslation } from 'react-i18next';
import { Navigate } from 'react-router';
import { navigation } from '../model';
import { listPath, pagePath } from '../paths';
import { useSession } from '../session';

/** Begins with the first list that the user may see. */
export default function HomePage() {
  const { t } = useTranslation();
  const { model } = useSession();
  const modules = navigation(model);
  const first = modules.flatMap(({ entities }) => entities)[0];
  if (first) return <Navigate to={listPath(first.name)} replace />;
  const page = modules.flatMap(({ pages }) => pages)[0];
  if (page) return <Navigate to={pagePath(page.name)} replace />;
  return (
    <div className="page">
      <Empty description={t('app.noModules')} />
    </div>
  );
}
