import BulbOutlined from '@ant-design/icons/es/icons/BulbOutlined';
import CheckOutlined from '@ant-design/icons/es/icons/CheckOutlined';
import DownOutlined from '@ant-design/icons/es/icons/DownOutlined';
import KeyOutlined from '@ant-design/icons/es/icons/KeyOutlined';
import LogoutOutlined from '@ant-design/icons/es/icons/LogoutOutlined';
import MenuOutlined from '@ant-design/icons/es/icons/MenuOutlined';
import ReadOutlined from '@ant-design/icons/es/icons/ReadOutlined';
import SearchOutlined from '@ant-design/icons/es/icons/SearchOutlined';
import { Avatar, Button, Dropdown, Grid, Layout } from 'antd';
import { lazy, Suspense, useEffect, useRef, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, Outlet, useLocation, useNavigate } from 'react-router';
import { appearances, setAppearance, useAppearance } from '../appearance';
import { LanguageSwitch } from '../components/language_switch';
import { Notices } from '../components/notices';
import { LiveProvider } from '../live';
import { useSession } from '../session';
import { useReachable } from './reachable';

const OwnPassword = lazy(() => import('../components/own_password'));
const Palette = lazy(() => import('./palette'));
const Navigation = lazy(() => import('./navigation'));
const NavigationDrawer = lazy(() => import('./navigation_drawer'));
const mac = /Mac|iPhone|iPad/.test(navigator.userAgent);

/** The frame of every page: navigation from the model, the user, the page itself. */
export default function Shell() {
  const { t } = useTranslation();
  const { model } = useSession();
  const location = useLocation();
  const content = useRef<HTMLElement>(null);
  useReachable(content);
  const wide = Grid.useBreakpoint().lg ?? window.innerWidth >= 992;
  const [open, setOpen] = useState(false);
  const [opened, setOpened] = useState(false);
  if (open && !opened) setOpened(true);
  // The page that was asked for is there before what leads away from it; the navigation's place is kept.
  const later = useLater();
  const [searching, setSearching] = useState(false);
  useEffect(() => setOpen(false), [location.pathname]);
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== 'k' || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
      event.preventDefault(); // browsers would put the focus on their own search
      setSearching((now) => !now);
    };
    window.addEventListener('keydown', press);
    return () => window.removeEventListener('keydown', press);
  }, []);

  return (
    <LiveProvider>
    <Layout className="shell">
      <a className="skip-link" href="#content">
        {t('app.skip')}
      </a>
      {wide && (
        <Layout.Sider width={216} className="sider">
          <Brand name={model.agency.name} />
          {later && <Suspense fallback={null}><Navigation /></Suspense>}
        </Layout.Sider>
      )}
      <Layout>
        <Layout.Header className="header">
          {!wide && (
            <Button type="text" icon={<MenuOutlined aria-hidden />} aria-label={t('app.openMenu')} aria-expanded={open} onClick={() => setOpen(true)} />
          )}
          {!wide && <span className="header-name">{model.agency.name}</span>}
          <div className="spacer" />
          <Button type="text" className="search-button" icon={<SearchOutlined aria-hidden />} onClick={() => setSearching(true)} aria-keyshortcuts="Control+K Meta+K">
            <span className="wide-only">{t('palette.title')}</span> <kbd className="wide-only" aria-hidden>{mac ? '⌘K' : 'Ctrl K'}</kbd>
          </Button>
          {searching && (
            <Suspense fallback={null}>
              <Palette onClose={() => setSearching(false)} />
            </Suspense>
          )}
          <Notices />
          <LanguageSwitch />
          <UserMenu />
        </Layout.Header>
        <Layout.Content ref={content} id="content" tabIndex={-1} className="content">
          <Outlet />
        </Layout.Content>
      </Layout>
      {!wide && opened && (
        <Suspense fallback={null}>
          <NavigationDrawer title={model.agency.name} open={open} onClose={() => setOpen(false)} />
        </Suspense>
      )}
    </Layout>
    </LiveProvider>
  );
}

/** False at first, true when the browser has done what there was to do, or after half a second. */
function useLater(): boolean {
  const [later, setLater] = useState(false);
  useEffect(() => {
    const longest = 500;
    if (typeof requestIdleCallback === 'function') {
      const idle = requestIdleCallback(() => setLater(true), { timeout: longest });
      return () => cancelIdleCallback(idle);
    }
    const timer = setTimeout(() => setLater(true));
    return () => clearTimeout(timer);
  }, []);
  return later;
}

function Brand({ name }: { name: string }) {
  return (
    <Link to="/" className="brand">
      <img src="/favicon.svg" alt="" width={26} height={26} />
      <span>{name}</span>
    </Link>
  );
}

function UserMenu() {
  const { t } = useTranslation();
  const { user } = useSession();
  const navigate = useNavigate();
  const appearance = useAppearance();
  const [changing, setChanging] = useState(false);
  const name = user.name || user.username;
  const about: ReactNode = (
    <div className="user-about">
      <strong>{name}</strong>
      <span>{user.username}{user.administrator ? ` · ${t('app.administrator')}` : ''}</span>
    </div>
  );
  return (
    <>
    {changing && (
      <Suspense fallback={null}>
        <OwnPassword onClose={() => setChanging(false)} />
      </Suspense>
    )}
    <Dropdown
      trigger={['click']}
      menu={{
        items: [
          { key: 'about', type: 'group', label: about },
          { type: 'divider' },
          { key: 'handbook', icon: <ReadOutlined aria-hidden />, label: t('handbook.title') },
          {
            key: 'appearance',
            icon: <BulbOutlined aria-hidden />,
            label: t('app.appearance'),
            children: appearances.map((one) => ({ key: one, label: t(`app.appearance_${one}`), ...(one === appearance ? { icon: <CheckOutlined aria-hidden /> } : {}) })),
          },
          { key: 'password', icon: <KeyOutlined aria-hidden />, label: t('password.change') },
          { key: 'logout', icon: <LogoutOutlined aria-hidden />, label: t('app.logout') },
        ],
        onClick: ({ key }) => {
          if (key === 'handbook') void navigate('/handbook');
          const look = appearances.find((one) => one === key);
          if (look) setAppearance(look);
          if (key === 'password') setChanging(true);
          if (key === 'logout') void navigate('/logout', { state: { confirmed: true } });
        },
      }}
    >
      <Button type="text" className="user-button">
        <Avatar size={24} className="avatar" aria-hidden>{[...name][0]?.toUpperCase()}</Avatar>
        <span className="hidden-text">{t('app.account')}{t('value.colon')}</span>
        <span className="wide-only">{name}</span>
        <DownOutlined aria-hidden className="caret" />
      </Button>
    </Dropdown>
    </>
  );
}
