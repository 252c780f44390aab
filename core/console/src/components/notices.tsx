import BellOutlined from '@ant-design/icons/es/icons/BellOutlined';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Badge, Button, Empty, Popover, Tag } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import type { RecordData } from '../api/types';
import { formatInstant } from '../format';
import { recordPagePath } from '../paths';
import { useApi, useLanguage } from '../services';
import { useSession } from '../session';

const entity = 'core.notice';
const shown = 20;

/** Says of notices that they were seen. */
export function useSeen(): (notices: RecordData[]) => Promise<void> {
  const api = useApi();
  const queries = useQueryClient();
  return async (notices) => {
    await Promise.all(
      notices.map((notice) =>
        api.patch('/records/{entity}/{id}', { seen: true }, { path: { entity, id: notice.id }, version: notice.version }).catch(() => undefined),
      ),
    );
    await queries.invalidateQueries({ queryKey: ['list', entity] });
  };
}

/** The bell: what the user has not seen yet, newest first. */
export function Notices() {
  const { t } = useTranslation();
  const api = useApi();
  const navigate = useNavigate();
  const { language } = useLanguage();
  const { locale } = useSession();
  const [open, setOpen] = useState(false);
  const unseen = useQuery({
    queryKey: ['list', entity, 'unseen', language],
    queryFn: ({ signal }) =>
      api.get('/records/{entity}', { path: { entity }, query: { filter: 'record.seen == false', sort: '-created_at', limit: shown, count: '1' }, signal }),
    refetchInterval: 60_000,
  });
  const items = unseen.data?.items ?? [];
  const total = unseen.data?.total ?? items.length;

  const see = useSeen();
  const follow = (notice: RecordData) => {
    setOpen(false);
    void see([notice]);
    const about = notice['about_entity'], id = notice['about_id'];
    if (typeof about === 'string' && about && typeof id === 'string' && id) void navigate(recordPagePath(about, id));
  };

  const list = (
    <div className="notices">
      {items.length === 0 ? (
        <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={unseen.isError ? t('error.loadFailed') : t('notice.none')} />
      ) : (
        <>
          <ul className="notice-list">
            {items.map((notice) => (
              <li key={notice.id}>
                <button type="button" className="notice" onClick={() => follow(notice)}>
                  <span className="notice-text">
                    {notice['urgent'] === true && <Tag color="red">{t('notice.urgent')}</Tag>}
                    {String(notice['text'] ?? '')}
                  </span>
                  <time dateTime={String(notice.created_at)}>{formatInstant(String(notice.created_at), locale.locale, locale.timeZone)}</time>
                </button>
              </li>
            ))}
          </ul>
          {total > items.length && <p className="notice-more">{t('notice.more', { count: total - items.length })}</p>}
          <Button type="link" block onClick={() => void see(items)}>
            {t('notice.allSeen')}
          </Button>
        </>
      )}
    </div>
  );
  return (
    <Popover content={list} trigger="click" open={open} onOpenChange={setOpen} placement="bottomRight" title={t('notice.title')}>
      <Badge count={total} size="small" overflowCount={99} offset={[-4, 4]}>
        <Button type="text" icon={<BellOutlined aria-hidden />} aria-label={t('notice.button', { count: total })} aria-expanded={open} />
      </Badge>
    </Popover>
  );
}
