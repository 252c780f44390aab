import { useQueries, useQuery, useQueryClient } from '@tanstack/react-query';
import { App, Empty, Skeleton, Switch } from 'antd';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import type { components } from '../api/schema';
import type { Entity, RecordData } from '../api/types';
import { ApprovalItem, hasApprovals } from '../components/approvals';
import { durationParts } from '../components/clocks';
import { StateLabel } from '../components/field_value';
import { FinishTask, taskEntity } from '../components/tasks';
import { useSeen } from '../components/notices';
import { PageHead } from '../components/page_head';
import { celString } from '../filter';
import { formatInstant } from '../format';
import { NamedIcon } from '../icons';
import { useWatch } from '../live';
import { expansion, navigation, titleOf } from '../model';
import { approvalsPath, listPath, pagePath, recordPagePath } from '../paths';
import { useApi, useLanguage } from '../services';
import { useSession } from '../session';
import { useErrorText } from '../use_error_text';
import { useTitle } from '../use_title';

type OwnClock = components['schemas']['OwnClockList']['items'][number];

/** How many of each list are shown here; the whole list is one click away. */
const few = 6;
/** Kinds of records that are asked for; agencies have more, but nobody's day does. */
const mostKinds = 24;

/** What the day asks of the user: decisions, time limits, mentions, his open records. */
export default function HomePage() {
  const { t } = useTranslation();
  const { model, user } = useSession();
  const { language } = useLanguage();
  useTitle(t('day.title'), model.agency.name);
  const date = new Intl.DateTimeFormat(language, { dateStyle: 'full', timeZone: model.agency.time_zone }).format(new Date());
  const modules = navigation(model);
  return (
    <div className="page">
      <PageHead title={t('day.title')} aside={<span className="muted count">{date}</span>} actions={<Presence />} />
      {modules.length === 0 && !user.administrator && <Empty description={t('app.noModules')} />}
      <div className="day-columns">
        <div className="day-main">
          {hasApprovals(model) && <Approvals />}
          <Tasks />
          <OpenRecords />
          <Places />
        </div>
        <div className="day-side">
          {Object.values(model.entities).some((entity) => entity.clocks.length > 0) && <Clocks />}
          <Mentions />
        </div>
      </div>
    </div>
  );
}

/** Whether rules of assignment count the user as present; for those who get work from a rule. */
function Presence() {
  const { t } = useTranslation();
  const { model } = useSession();
  const api = useApi();
  const queries = useQueryClient();
  const errorText = useErrorText();
  const { message } = App.useApp();
  const { language } = useLanguage();
  const queues = useQuery({ queryKey: ['queues', language], queryFn: ({ signal }) => api.get('/queues', { signal }), enabled: Object.values(model.entities).some((entity) => entity.assignments.length > 0) });
  if (!queues.data || queues.data.items.length === 0) return null;
  return (
    <label className="presence">
      <Switch
        checked={queues.data.available}
        onChange={(available) => {
          api.patch('/me', { available }).then(
            () => void queries.invalidateQueries({ queryKey: ['queues'] }),
            (error: unknown) => void message.error(errorText(error)),
          );
        }}
      />{' '}
      {t(queues.data.available ? 'day.present' : 'day.absent')}
    </label>
  );
}

interface SectionProps {
  title: string;
  count?: number | undefined;
  more?: { to: string; label: string } | undefined;
  children: React.ReactNode;
}

function Section({ title, count, more, children }: SectionProps) {
  return (
    <section className="panel day-section">
      <div className="block-head">
        <h2>
          {title} {count !== undefined && count > 0 && <span className="board-count">{count}</span>}
        </h2>
        {more && <Link to={more.to}>{more.label}</Link>}
      </div>
      {children}
    </section>
  );
}

function Approvals() {
  const { t } = useTranslation();
  const { model } = useSession();
  const api = useApi();
  const { language } = useLanguage();
  const list = useQuery({
    queryKey: ['approvals', 'day', language],
    queryFn: ({ signal }) => api.get('/approvals', { query: { box: 'waiting', limit: few, count: '1' }, signal }),
    refetchInterval: 60_000,
  });
  const items = list.data?.items ?? [];
  return (
    <Section title={t('approval.box_waiting')} count={list.data?.total} more={items.length > 0 ? { to: approvalsPath, label: t('view.openAll') } : undefined}>
      {list.isPending ? <Skeleton active title={false} /> : items.length === 0 ? <p className="muted day-none">{t('day.noApprovals')}</p> : (
        <div className="approval-list">{items.map((approval) => <ApprovalItem key={approval.id} approval={approval} entity={model.entities[approval.entity]} linked />)}</div>
      )}
    </Section>
  );
}

/** What the states of records have brought for the user, or for whoever holds one of his roles; what is due first, first. */
function Tasks() {
  const { t } = useTranslation();
  const { model, locale } = useSession();
  const api = useApi();
  useWatch(taskEntity);
  const known = model.entities[taskEntity];
  const list = useQuery({
    queryKey: ['list', taskEntity, 'day'],
    queryFn: ({ signal }) => api.get('/records/{entity}', { path: { entity: taskEntity }, query: { filter: "record.state == 'open' && (record.assignee == user.id || record.role in user.roles)", sort: 'due_at', limit: few, count: '1' }, signal }),
    enabled: !!known && Object.values(model.entities).some((entity) => entity.states.some((state) => (state.tasks ?? []).length > 0)),
  });
  const items = list.data?.items ?? [];
  if (!known || items.length === 0) return null;
  return (
    <Section title={t('task.title')} count={list.data?.total} more={{ to: listPath(taskEntity), label: t('view.openAll') }}>
      <ul className="day-list">
        {items.map((task) => {
          const entity = String(task['about_entity'] ?? ''), about = String(task['about_id'] ?? ''), title = String(task['title'] ?? ''), due = task['due_at'];
          return (
            <li key={task.id}>
              {model.entities[entity] ? <Link to={recordPagePath(entity, about)}>{title}</Link> : <span>{title}</span>}
              <span className="muted">{model.entities[entity]?.label}</span>
              <FinishTask id={task.id} title={title} entity={entity} about={about} />
              {typeof due === 'string' && <time className="muted" dateTime={due}>{t('task.due', { at: formatInstant(due, locale.locale, locale.timeZone) })}</time>}
            </li>
          );
        })}
      </ul>
    </Section>
  );
}

/** Overdue, or less than a fifth of its time left. */
const standing = (clock: OwnClock) => (clock.breached_at || clock.remaining_seconds <= 0 ? 'breached' : clock.remaining_seconds * 5 <= clock.limit_seconds ? 'soon' : 'running');

function Clocks() {
  const { t } = useTranslation();
  const { locale } = useSession();
  const api = useApi();
  const { language } = useLanguage();
  const list = useQuery({ queryKey: ['list', 'clocks', language], queryFn: ({ signal }) => api.get('/clocks', { query: { limit: few }, signal }), refetchInterval: 60_000 });
  return (
    <Section title={t('day.clocks')}>
      {list.isPending ? <Skeleton active title={false} /> : !list.data || list.data.items.length === 0 ? <p className="muted day-none">{t('day.noClocks')}</p> : (
        <ul className="clock-list">
          {list.data.items.map((clock) => {
            const how = standing(clock);
            return (
              <li key={`${clock.entity}/${clock.id}/${clock.name}`} className={`clock clock-${how}`}>
                <div className="clock-head">
                  <Link to={recordPagePath(clock.entity, clock.id)}>{clock.title}</Link>
                  <span className="clock-standing">{t(`clock.${how}`)}</span>
                </div>
                <div className="clock-time">
                  <span>{clock.label}</span>
                  <span>{t(clock.remaining_seconds < 0 ? 'clock.over' : 'clock.left', durationParts(clock.remaining_seconds))}</span>
                  <span className="muted">{t('clock.dueAt', { time: formatInstant(clock.due_at, locale.locale, locale.timeZone) })}</span>
                </div>
              </li>
            );
          })}
        </ul>
      )}
    </Section>
  );
}

const notices = 'core.notice';

function Mentions() {
  const { t } = useTranslation();
  const see = useSeen();
  const { model, locale } = useSession();
  const api = useApi();
  const list = useQuery({
    queryKey: ['list', notices, 'day'],
    queryFn: ({ signal }) => api.get('/records/{entity}', { path: { entity: notices }, query: { sort: 'seen,-created_at', limit: few + 2 }, signal }),
    enabled: !!model.entities[notices],
  });
  if (!model.entities[notices]) return null;
  return (
    <Section title={t('day.news')}>
      {list.isPending ? <Skeleton active title={false} /> : (list.data?.items ?? []).length === 0 ? <p className="muted day-none">{t('notice.none')}</p> : (
        <ul className="day-list">
          {list.data?.items.map((notice) => {
            const entity = notice['about_entity'], id = notice['about_id'], text = String(notice['text'] ?? '');
            return (
              <li key={notice.id} className={notice['seen'] === true ? 'day-seen' : undefined}>
                {typeof entity === 'string' && entity && typeof id === 'string' && id && model.entities[entity] ? <Link to={recordPagePath(entity, id)} onClick={() => void (notice['seen'] !== true && see([notice]))}>{text}</Link> : <span>{text}</span>}
                <time className="muted" dateTime={String(notice.created_at)}>{formatInstant(String(notice.created_at), locale.locale, locale.timeZone)}</time>
              </li>
            );
          })}
        </ul>
      )}
    </Section>
  );
}

/** The user's own records that are not done, by kind. */
function OpenRecords() {
  const { t } = useTranslation();
  const { model, user } = useSession();
  const api = useApi();
  const { language } = useLanguage();
  const kinds = navigation(model).flatMap(({ entities }) => entities).filter((entity) => entity.states.some((state) => state.category === 'open' || state.category === 'waiting') && entity.module !== 'core').slice(0, mostKinds);
  const lists = useQueries({
    queries: kinds.map((entity) => {
      const open = entity.states.filter((state) => state.category === 'open' || state.category === 'waiting').map((state) => celString(state.name));
      const filter = `record.owner == ${user.id} && record.state in [${open.join(', ')}]`;
      return {
        queryKey: ['list', entity.name, 'day', language],
        queryFn: ({ signal }: { signal: AbortSignal }) => api.get('/records/{entity}', { path: { entity: entity.name }, query: { filter, sort: 'updated_at', limit: few, count: '1', expand: expansion(entity, [entity.title]) }, signal }),
      };
    }),
  });
  const filled = kinds.flatMap((entity, index) => {
    const page = lists[index]?.data;
    return page && page.items.length > 0 ? [{ entity, items: page.items, total: page.total ?? page.items.length }] : [];
  });
  return (
    <Section title={t('day.mine')} count={filled.reduce((sum, one) => sum + one.total, 0)}>
      {kinds.map((entity) => <Watch key={entity.name} entity={entity.name} />)}
      {filled.length === 0 && (lists.some((one) => one.isPending) ? <Skeleton active title={false} /> : <p className="muted day-none">{t('day.noMine')}</p>)}
      {filled.map(({ entity, items, total }) => (
        <div key={entity.name} className="day-kind">
          <h3>
            <NamedIcon name={entity.icon} /> {entity.plural || entity.label} <span className="board-count">{total}</span>
            <Link to={`${listPath(entity.name)}?where=${encodeURIComponent('[["owner","me"]]')}`} className="day-more">{t('view.openAll')}</Link>
          </h3>
          <ul className="day-list">{items.map((record) => <OpenRecord key={record.id} entity={entity} record={record} />)}</ul>
        </div>
      ))}
    </Section>
  );
}

function OpenRecord({ entity, record }: { entity: Entity; record: RecordData }) {
  const { locale } = useSession();
  const title = titleOf(entity, record);
  return (
    <li>
      <Link to={recordPagePath(entity.name, record.id)}>{title}</Link>
      {record.number && record.number !== title && <span className="muted">{record.number}</span>}
      <StateLabel entity={entity} state={record.state} />
      <time className="muted" dateTime={String(record.updated_at)}>{formatInstant(String(record.updated_at), locale.locale, locale.timeZone)}</time>
    </li>
  );
}

function Watch({ entity }: { entity: string }) {
  useWatch(entity);
  return null;
}

/** The departments' pages and lists, for going there at once. */
function Places() {
  const { t } = useTranslation();
  const { model } = useSession();
  const modules = navigation(model).filter(({ module }) => module.name !== 'core');
  if (modules.length === 0) return null;
  return (
    <Section title={t('day.places')}>
      <div className="places">
        {modules.flatMap(({ module, pages, entities }) => [
          ...pages.map((page) => <Link key={page.name} to={pagePath(page.name)} className="place"><NamedIcon name={page.icon || 'dashboard'} /> {page.label}</Link>),
          ...entities.map((entity) => <Link key={entity.name} to={listPath(entity.name)} className="place"><NamedIcon name={entity.icon || module.icon} /> {entity.plural || entity.label}</Link>),
        ])}
      </div>
    </Section>
  );
}
