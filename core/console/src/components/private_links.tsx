import PlusOutlined from '@ant-design/icons/es/icons/PlusOutlined';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { App, Button, Modal, Skeleton, Space } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { components } from '../api/schema';
import type { Entity, RecordData } from '../api/types';
import { At } from '../admin/parts';
import { useApi, useLanguage } from '../services';
import { useErrorText } from '../use_error_text';
import { LoadError } from './load_state';
import { ToldOnce } from './told_once';

type Link = components['schemas']['Link'];
type LinkPage = components['schemas']['LinkPage'];

/** What became of a link by `now`, in milliseconds. */
export function linkStanding(link: Link, now: number): 'revoked' | 'used' | 'expired' | 'valid' {
  if (link.revoked_at) return 'revoked';
  if (link.used_at) return 'used';
  return Date.parse(link.expires_at) <= now ? 'expired' : 'valid';
}

/** Links by which people without an account see the record: made, copied once, revoked. */
export default function PrivateLinks({ entity, record, title, onClose }: { entity: Entity; record: RecordData; title: string; onClose: () => void }) {
  const { t } = useTranslation();
  const api = useApi();
  const { language } = useLanguage();
  const queries = useQueryClient();
  const { message, modal } = App.useApp();
  const errorText = useErrorText();
  const [opened] = useState(() => Date.now());
  const [made, setMade] = useState<{ label: string; url: string; expires_at: string } | null>(null);
  const path = { entity: entity.name, id: record.id };
  const key = ['links', entity.name, record.id];
  const list = useQuery({ queryKey: [...key, language], queryFn: ({ signal }) => api.get('/records/{entity}/{id}/links', { path, signal }) });
  const changed = () => {
    void queries.invalidateQueries({ queryKey: key });
    void queries.invalidateQueries({ queryKey: ['timeline', entity.name, record.id] });
  };
  const make = useMutation({
    mutationFn: async (page: LinkPage) => ({ label: page.label, ...(await api.post('/records/{entity}/{id}/links', { page: page.name }, { path })) }),
    onSuccess: setMade,
    onError: (error) => void message.error(errorText(error), 6),
    onSettled: changed,
  });
  const revoke = (link: Link) =>
    modal.confirm({
      title: t('link.revokeTitle', { label: link.label }),
      content: t('link.revokeText'),
      okText: t('link.revoke'),
      okButtonProps: { danger: true },
      cancelText: t('form.cancel'),
      onOk: async () => {
        try {
          await api.delete('/records/{entity}/{id}/links/{link}', { path: { ...path, link: link.id } });
          void message.success(t('link.revoked'));
        } catch (error) {
          void message.error(errorText(error), 6);
        }
        changed();
      },
    });
  return (
    <Modal open width={640} title={t('link.title', { title })} footer={null} onCancel={onClose}>
      <p className="muted">{t('link.text')}</p>
      {list.isError && !list.data ? <LoadError error={list.error} onRetry={() => void list.refetch()} /> : !list.data ? <Skeleton active title={false} /> : (
        <>
          <Space wrap className="link-make">
            {list.data.pages.map((page) => (
              <Button key={page.name} type="primary" icon={<PlusOutlined aria-hidden />} loading={make.isPending && make.variables.name === page.name} disabled={make.isPending} onClick={() => make.mutate(page)}>
                {t('link.make', { page: page.label })}
              </Button>
            ))}
          </Space>
          {made && <ToldOnce title={t('link.once', { label: made.label })} label={t('link.address')} value={made.url} />}
          {list.data.items.length === 0 ? <p className="muted day-none">{t('link.none')}</p> : (
            <ul className="day-list" aria-label={t('link.list')}>
              {list.data.items.map((link) => {
                const standing = linkStanding(link, opened);
                return (
                  <li key={link.id} className={standing === 'valid' ? undefined : 'day-seen'}>
                    <span>{link.label}</span>
                    <span className="muted">{t('link.made')} <At time={link.created_at} /></span>
                    <span className={standing === 'valid' ? undefined : 'muted'}>
                      {t(`link.standing_${standing}`)} <At time={{ revoked: link.revoked_at, used: link.used_at, expired: link.expires_at, valid: link.expires_at }[standing]} />
                    </span>
                    {standing === 'valid' && <Button size="small" danger aria-label={`${t('link.revoke')} ${link.label}`} onClick={() => revoke(link)}>{t('link.revoke')}</Button>}
                  </li>
                );
              })}
            </ul>
          )}
        </>
      )}
    </Modal>
  );
}
