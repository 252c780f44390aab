import { useInfiniteQuery } from '@tanstack/react-query';
import { Button, Skeleton } from 'antd';
import { useTranslation } from 'react-i18next';
import type { Change, Entity, TimelineEvent } from '../api/types';
import { formatInstant } from '../format';
import { fieldOf } from '../model';
import { useApi, useLanguage } from '../services';
import { useSession } from '../session';
import { useErrorText } from '../use_error_text';
import { useValueText } from './field_value';

/** What happened to a record, newest first. */
export function Timeline({ entity, id }: { entity: Entity; id: string }) {
  const { t } = useTranslation();
  const api = useApi();
  const { language } = useLanguage();
  const errorText = useErrorText();
  const events = useInfiniteQuery({
    queryKey: ['timeline', entity.name, id, language],
    queryFn: ({ pageParam, signal }) => api.get('/records/{entity}/{id}/timeline', { path: { entity: entity.name, id }, query: { limit: 20, before: pageParam ?? undefined }, signal }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
  });

  if (events.isPending) return <Skeleton active paragraph={{ rows: 4 }} />;
  if (events.isError && !events.data) {
    return (
      <p role="alert">
        {errorText(events.error)}{' '}
        <Button size="small" onClick={() => void events.refetch()}>
          {t('error.retry')}
        </Button>
      </p>
    );
  }
  const items = events.data?.pages.flatMap((page) => page.items) ?? [];
  if (items.length === 0) return <p className="muted">{t('timeline.none')}</p>;
  return (
    <>
      <ol className="timeline" aria-label={t('record.timeline')}>
        {items.map((event) => (
          <Event key={event.id} entity={entity} event={event} />
        ))}
      </ol>
      {events.hasNextPage && (
        <Button size="small" loading={events.isFetchingNextPage} onClick={() => void events.fetchNextPage()}>
          {t('timeline.more')}
        </Button>
      )}
    </>
  );
}

const approvals = ['approval_asked', 'approval_given', 'approval_rejected', 'approval_withdrawn', 'approval_void'] as const;

/** Deeds that a word says. */
const plain = ['create', 'update', 'delete', 'reassign', 'comment', 'share', 'unshare', 'consent', 'attach', 'detach', 'link', 'unlink', 'password', 'merge', 'unmerge'] as const;
type Plain = (typeof plain)[number];

function Event({ entity, event }: { entity: Entity; event: TimelineEvent }) {
  const { t } = useTranslation();
  const { locale } = useSession();
  const kind = event.action.split(':')[0];
  const told = kind === 'event' ? entity.events?.find((one) => event.action === `event:${one.name}`)?.label : undefined;
  const label = event.transition?.label ?? event.action.slice(kind!.length + 1);
  const approval = approvals.find((one) => one === kind);
  const what =
    approval ? t(`timeline.${approval}`, { label }) : kind === 'transition' ? t('timeline.transition', { label }) : kind === 'undo' ? t('timeline.undo', { label }) : plain.includes(kind as Plain) ? t(`timeline.${kind as Plain}`) : (told ?? event.action);
  // A new record's values are the record itself; listing them again says nothing.
  const changes = kind === 'create' ? [] : (event.changes ?? []);
  return (
    <li className={`event event-${kind}`}>
      <div className="event-head">
        <strong>{event.actor?.id === '0' ? t('timeline.system') : event.actor?.name || t('timeline.unknownActor')}</strong> <span>{what}</span>
        <time dateTime={event.at} title={formatInstant(event.at, locale.locale, locale.timeZone, true)}>
          {formatInstant(event.at, locale.locale, locale.timeZone)}
        </time>
      </div>
      {event.note && <blockquote className="event-note">{event.note}</blockquote>}
      {changes.length > 0 && (
        <dl className="changes">
          {changes.map((change) => (
            <ChangeRow key={change.field} entity={entity} change={change} />
          ))}
        </dl>
      )}
    </li>
  );
}

function ChangeRow({ entity, change }: { entity: Entity; change: Change }) {
  const { t } = useTranslation();
  const valueText = useValueText();
  const field = fieldOf(entity, change.field);
  const text = (said: string | null | undefined, value: unknown) => {
    if (said) return said;
    if (value === null || value === undefined || value === '') return t('timeline.empty');
    return field ? valueText(entity, field, { id: '', version: 0, [field.name]: value }) : typeof value === 'object' ? JSON.stringify(value) : String(value);
  };
  return (
    <div className="change">
      <dt>{change.label || field?.label || change.field}</dt>
      <dd>
        <del aria-label={`${t('timeline.old')}${t('value.colon')}${text(change.old_text, change.old)}`}>{text(change.old_text, change.old)}</del>
        <span aria-hidden className="arrow">→</span>
        <ins aria-label={`${t('timeline.new')}${t('value.colon')}${text(change.new_text, change.new)}`}>{text(change.new_text, change.new)}</ins>
      </dd>
    </div>
  );
}
