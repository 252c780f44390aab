import { useQuery } from '@tanstack/react-query';
import { Card, Empty, Skeleton, Table } from 'antd';
import { useTranslation } from 'react-i18next';
import type { SettingsGroup } from '../api/types';
import { LoadError } from '../components/load_state';
import { PageHead } from '../components/page_head';
import { useApi, useLanguage } from '../services';
import { useSession } from '../session';
import { useTitle } from '../use_title';

type Setting = SettingsGroup['settings'][number];

/** What rules are set to, and where that was said; for administrators. */
export default function SettingsPage() {
  const { t } = useTranslation();
  const api = useApi();
  const { language } = useLanguage();
  const { model } = useSession();
  const settings = useQuery({ queryKey: ['settings', language], queryFn: ({ signal }) => api.get('/admin/settings', { signal }) });
  useTitle(t('settings.title'), model.agency.name);
  if (settings.isError && !settings.isFetching) return <LoadError error={settings.error} onRetry={() => void settings.refetch()} />;
  const text = (setting: Setting, value: Setting['value']) => {
    if (value === null) return '';
    if (typeof value === 'boolean') return t(value ? 'value.yes' : 'value.no');
    return value === setting.value && setting.value_label ? setting.value_label : String(value);
  };
  return (
    <div className="page">
      <PageHead title={t('settings.title')} />
      {settings.isPending && <Skeleton active paragraph={{ rows: 6 }} />}
      {settings.data?.items.length === 0 && <Empty description={t('settings.none')} />}
      {settings.data?.items.map((group) => (
        <Card key={group.module} className="group-card" title={<h2>{group.label}</h2>}>
          <Table<Setting>
            size="small"
            rowKey="name"
            pagination={false}
            className="settings-table"
            dataSource={group.settings}
            columns={[
              {
                title: t('settings.name'),
                render: (_, setting) => (
                  <>
                    {setting.label}
                    {setting.help && <div className="muted">{setting.help}</div>}
                    <div className="muted">
                      <code>{setting.path}</code>
                    </div>
                  </>
                ),
              },
              { title: t('settings.value'), render: (_, setting) => text(setting, setting.value) },
              { title: t('settings.default'), responsive: ['sm'], render: (_, setting) => text(setting, setting.default) },
              { title: t('settings.origin'), responsive: ['lg'], render: (_, setting) => <code>{`${setting.file}:${setting.line}`}</code> },
            ]}
          />
        </Card>
      ))}
    </div>
  );
}
