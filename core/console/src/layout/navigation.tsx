import { Badge, Menu, type MenuProps } from 'antd';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useLocation } from 'react-router';
import { hasApprovals, useWaitingCount } from '../components/approvals';
import { NamedIcon } from '../icons';
import { navigation } from '../model';
import { approvalsPath, listPath, pagePath } from '../paths';
import { useSession } from '../session';
import { useDashboards } from '../use_dashboards';
import { adminPages } from './admin_pages';

/** With more than so many pages the departments are folded, all but the one that one is in. */
const mostUnfolded = 16;

/** Where one can go: one's day, the departments' pages and records, administration. */
export default function Navigation() {
  const { t } = useTranslation();
  const { model, user } = useSession();
  const location = useLocation();
  const modules = navigation(model);
  const approvals = hasApprovals(model);
  const waiting = useWaitingCount(approvals);
  const day = { key: '/', icon: <NamedIcon name="home" />, label: <Link to="/">{t('day.title')}</Link> };
  const boards = useDashboards();
  const reports = (boards.data?.items.length ?? 0) > 0 ? [{ key: '/dashboards', icon: <NamedIcon name="bar-chart" />, label: <Link to="/dashboards">{t('reports.title')}</Link> }] : [];
  const own: NonNullable<MenuProps['items']> = !approvals ? [day, ...reports] : [
    day,
    ...reports,
    {
      key: 'approvals',
      icon: <NamedIcon name="audit" />,
      label: (
        <Link to={approvalsPath} className="nav-count">
          {t('approval.title')}
          <Badge count={waiting} size="small" overflowCount={99} title={t('approval.count', { count: waiting })} />
        </Link>
      ),
    },
  ];
  const many = modules.reduce((sum, { pages, entities }) => sum + pages.length + entities.length, 0) > mostUnfolded;
  const folded = many ? {} : ({ type: 'group' } as const);
  const items = modules.map(({ module, pages, entities }) => ({
    ...folded,
    ...(many ? { icon: <NamedIcon name={module.icon} /> } : {}),
    key: `module:${module.name}`,
    label: module.label,
    children: [
      ...pages.map((page) => ({
        key: `page:${page.name}`,
        icon: <NamedIcon name={page.icon || 'dashboard'} />,
        label: <Link to={pagePath(page.name)}>{page.label}</Link>,
      })),
      ...entities.map((entity) => ({
        key: entity.name,
        icon: <NamedIcon name={entity.icon || module.icon} />,
        label: <Link to={listPath(entity.name)}>{entity.plural || entity.label}</Link>,
      })),
    ],
  }));
  const administration = !user.administrator ? [] : [
    {
      ...folded,
      ...(many ? { icon: <NamedIcon name="tool" /> } : {}),
      key: 'administration',
      label: t('app.administration'),
      children: adminPages.map(({ path, icon, label }) => ({ key: path, icon: <NamedIcon name={icon} />, label: <Link to={path}>{t(label)}</Link> })),
    },
  ];
  const [, kind, name] = /^\/(records|pages)\/([^/]+)/.exec(location.pathname) ?? [];
  const current = name && (kind === 'pages' ? `page:${decodeURIComponent(name)}` : decodeURIComponent(name));
  const all = [...own, ...items, ...administration] as NonNullable<MenuProps['items']>;
  const selected = location.pathname === approvalsPath ? 'approvals' : (current ?? location.pathname);
  const home = [...items, ...administration].find((group) => group.children.some((one) => one.key === selected))?.key;
  // Where one goes its group opens; those that are open stay so.
  const [openKeys, setOpenKeys] = useState<string[]>(() => [home, ...(user.department ? [`module:${user.department}`] : [])].filter((key) => key !== undefined));
  useEffect(() => {
    if (home) setOpenKeys((keys) => (keys.includes(home) ? keys : [...keys, home]));
  }, [home]);
  return (
    <nav aria-label={t('app.menu')}>
      <Menu
        mode="inline"
        items={all}
        {...(many ? { openKeys, onOpenChange: setOpenKeys, inlineIndent: 14 } : {})}
        selectedKeys={[selected]}
        className="nav-menu"
      />
    </nav>
  );
}
