import BarsOutlined from '@ant-design/icons/es/icons/BarsOutlined';
import CalendarOutlined from '@ant-design/icons/es/icons/CalendarOutlined';
import CloseOutlined from '@ant-design/icons/es/icons/CloseOutlined';
import FilterOutlined from '@ant-design/icons/es/icons/FilterOutlined';
import LeftOutlined from '@ant-design/icons/es/icons/LeftOutlined';
import PlusOutlined from '@ant-design/icons/es/icons/PlusOutlined';
import ProjectOutlined from '@ant-design/icons/es/icons/ProjectOutlined';
import ReloadOutlined from '@ant-design/icons/es/icons/ReloadOutlined';
import RightOutlined from '@ant-design/icons/es/icons/RightOutlined';
import UnorderedListOutlined from '@ant-design/icons/es/icons/UnorderedListOutlined';
import { keepPreviousData, useIsFetching, useQuery, useQueryClient } from '@tanstack/react-query';
import { Button, Empty, Input, Segmented, Select, Skeleton, Tag } from 'antd';
import { lazy, Suspense, useCallback, useEffect, useEffectEvent, useMemo, useRef, useState, type ReactNode, type RefObject } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocation, useNavigate, useParams, useSearchParams } from 'react-router';
import { ApiError } from '../api/client';
import type { Entity, Field, RecordData, ViewDefinition } from '../api/types';
import { TakeNext } from '../components/assignments';
import { DotLabel, StateLabel } from '../components/field_value';
import { LinkButton } from '../components/link_button';
import { LoadError } from '../components/load_state';
import { PageHead } from '../components/page_head';
import { pageQuery } from '../list_query';
import { columnsShown, groupOf, listed, viewFields } from '../list_request';
import { listFilter, listParams, pageSizes, parseListState, withChange, type ListState } from '../list_state';
import { isFile } from '../files';
import { RecordTable } from '../lists/record_table';
import { useWidths } from '../lists/widths';
import { fieldOf, isEditable, mergeable } from '../model';
import { usePinyinFilter } from '../pinyin';
import { createPath, duplicatesPath } from '../paths';
import { useWatch } from '../live';
import { useApi, useLanguage } from '../services';
import { useSession } from '../session';
import { useSteady } from '../steady';
import { useTitle } from '../use_title';
import { RecordView, type PlacedType } from '../views/record_view';

const FilterBuilder = lazy(() => import('../lists/filter_builder'));
const SavedViews = lazy(() => import('../lists/saved_views'));
const ColumnsMenu = lazy(() => import('../lists/columns_menu'));
const ExportMenu = lazy(() => import('../lists/export_menu'));
const BulkBar = lazy(() => import('../lists/bulk'));

export default function ListPage() {
  const { t } = useTranslation();
  const { entity: name = '' } = useParams();
  const { model } = useSession();
  const [params] = useSearchParams();
  const found = listed(model, name, params);
  if (!found) {
    return <LoadError error={new ApiError(404, {})} onRetry={() => undefined} notFound={t('error.entityMissingText')} />;
  }
  const { entity, view } = found;
  return view.type === 'list' ? <RecordList key={name} entity={entity} view={view} /> : <PlacedRecords key={view.name} entity={entity} view={view} type={view.type} />;
}

/** The list's state from the address, and a way to change it. */
function useListState() {
  const navigate = useNavigate();
  const location = useLocation();
  const [params] = useSearchParams();
  const state = useMemo(() => parseListState(params), [params]);
  /** Cursors of the pages before this one; kept with the history entry, so that a reload still goes back. */
  const before = ((location.state as { before?: (string | null)[] } | null)?.before ?? []) as (string | null)[];
  const go = useCallback((next: ListState, cursors: (string | null)[] = [], replace = false) => {
    const search = listParams(next).toString();
    // At once: what is changed next must begin with this, however long the page takes to show it.
    void navigate({ search: search ? `?${search}` : '' }, { state: { before: cursors }, replace, flushSync: true });
  }, [navigate]);
  return { state, before, go };
}

function Head({ entity, aside }: { entity: Entity; aside?: ReactNode }) {
  const { t } = useTranslation();
  return (
    <PageHead
      title={entity.plural || entity.label}
      aside={aside}
      actions={
        <>
          <TakeNext entity={entity} />
          {entity.duplicates && mergeable(entity, false) && <LinkButton to={duplicatesPath(entity.name)}>{t('duplicates.title')}</LinkButton>}
          {entity.rights.create && (
            <LinkButton type="primary" icon={<PlusOutlined aria-hidden />} to={createPath(entity.name)}>
              {t('list.create', { entity: entity.label })}
            </LinkButton>
          )}
        </>
      }
    />
  );
}

/** Records on a board, calendar or timeline. */
function PlacedRecords({ entity, view, type }: { entity: Entity; view: ViewDefinition; type: PlacedType }) {
  const { model } = useSession();
  const queries = useQueryClient();
  const { state, go } = useListState();
  const fetching = useIsFetching({ queryKey: ['list', entity.name] }) > 0;
  useTitle(entity.plural || entity.label, model.agency.name);
  useWatch(entity.name);
  return (
    <div className="page">
      <Head entity={entity} />
      <div className="panel" aria-busy={fetching}>
        <Toolbar entity={entity} view={view} state={state} go={go} fetching={fetching} onReload={() => void queries.invalidateQueries({ queryKey: ['list', entity.name] })} />
        <RecordView type={type} entity={entity} view={view} q={state.q} filter={listFilter(state, entity)} />
      </div>
    </div>
  );
}

interface ToolbarProps {
  entity: Entity;
  view: ViewDefinition;
  state: ListState;
  go: (next: ListState) => void;
  fetching: boolean;
  onReload: () => void;
  /** Further tools at the end. */
  children?: ReactNode;
}

/** Choices by which a list is narrowed in its toolbar; of more there would be no list to see. */
const mostNarrowing = 4;

const viewIcons = { list: <UnorderedListOutlined aria-hidden />, board: <ProjectOutlined aria-hidden />, calendar: <CalendarOutlined aria-hidden />, timeline: <BarsOutlined aria-hidden /> };

/** Which view, words, and choices by which it is narrowed. */
function Toolbar({ entity, view, state, go, fetching, onReload, children }: ToolbarProps) {
  const { t } = useTranslation();
  const { model } = useSession();
  const columns = useMemo(() => viewFields(entity, view), [entity, view]);
  const filtered = listFilter(state, entity) !== undefined || state.q !== '';
  const [building, setBuilding] = useState(state.where.length > 0);
  const pinyin = usePinyinFilter();
  const states = view.type === 'board' && view.group === 'state' ? [] : (entity.states ?? []);
  const typeLabel = { list: t('view.type_list'), board: t('view.type_board'), calendar: t('view.type_calendar'), timeline: t('view.type_timeline') };
  return (
    <>
    <div className="toolbar" role="search">
      {entity.views.length > 1 && (
        <Segmented
          aria-label={t('list.view')}
          value={view.name}
          options={entity.views.map((one) => ({ value: one.name, label: one.label, icon: viewIcons[one.type], title: typeLabel[one.type] }))}
          onChange={(name) => go(withChange(state, { view: name === entity.views[0]?.name ? undefined : name, sort: undefined }))}
        />
      )}
      <SearchBox
        value={state.q}
        label={t('list.searchPlaceholder', { entity: entity.plural || entity.label })}
        onSearch={(q) => q !== state.q && go(withChange(state, { q }))}
      />
      {states.length > 0 && (
        <Select
          className="filter"
          mode="multiple"
          maxTagCount="responsive"
          allowClear
          showSearch={{ filterOption: pinyin }}
          aria-label={t('list.state')}
          placeholder={t('list.allStates')}
          value={state.states}
          options={states.map((one) => ({ value: one.name, label: one.label }))}
          optionRender={(option) => <StateLabel entity={entity} state={String(option.value)} />}
          onChange={(states: string[]) => go(withChange(state, { states }))}
        />
      )}
      {columns
        .filter((field) => (field.type === 'choice' || field.type === 'multi') && field.name !== (view.type === 'board' ? view.group : '') && field.choices && model.choices[field.choices])
        // By the others one narrows with the builder.
        .filter((field, index) => index < mostNarrowing || state.choices[field.name])
        .map((field) => (
          <Select
            key={field.name}
            className="filter"
            mode="multiple"
            maxTagCount="responsive"
            allowClear
            showSearch={{ filterOption: pinyin }}
            aria-label={field.label}
            placeholder={field.label}
            value={state.choices[field.name] ?? []}
            options={(model.choices[field.choices!] ?? []).map((option) => ({ value: option.name, label: option.label, color: option.color }))}
            optionRender={(option) => <DotLabel color={option.data.color} label={String(option.data.label)} />}
            onChange={(names: string[]) => go(withChange(state, { choices: { ...state.choices, [field.name]: names } }))}
          />
        ))}
      {filtered && (
        <Button type="text" icon={<CloseOutlined aria-hidden />} onClick={() => go(withChange(state, { q: '', states: [], choices: {}, where: [], cel: undefined }))}>
          {t('list.clearFilters')}
        </Button>
      )}
      <Button
        icon={<FilterOutlined aria-hidden />}
        aria-expanded={building}
        type={state.where.length > 0 ? 'primary' : 'default'}
        ghost={state.where.length > 0}
        onClick={() => setBuilding(!building)}
      >
        {state.where.length > 0 ? t('filter.titleCount', { number: state.where.length }) : t('filter.title')}
      </Button>
      {state.cel && (
        <Tag className="tag-open cel-tag" title={state.cel}>
          {t('filter.fromFigure')}
        </Tag>
      )}
      <div className="spacer" />
      {children}
      <Button type="text" icon={<ReloadOutlined aria-hidden spin={fetching} />} aria-label={t('list.reload')} onClick={onReload} />
    </div>
    {building && (
      <Suspense fallback={<Skeleton active className="skeleton" title={false} paragraph={{ rows: 1 }} />}>
        <FilterBuilder entity={entity} where={state.where} any={state.any} onChange={(where, any) => go(withChange(state, { where, any }))} />
      </Suspense>
    )}
    </>
  );
}

const totalTexts = { exact: 'list.total', estimate: 'list.totalAbout', at_least: 'list.totalAtLeast' } as const;

function RecordList({ entity, view }: { entity: Entity; view: ViewDefinition }) {
  const { t } = useTranslation();
  const { model } = useSession();
  const { language } = useLanguage();
  const api = useApi();
  const { state, before, go } = useListState();
  const names = useMemo(() => columnsShown(entity, view, state), [entity, view, state.columns]);
  const columns = useMemo(() => names.map((name) => fieldOf(entity, name)).filter((field): field is Field => !!field), [entity, names]);
  const [widths, setWidths] = useWidths(entity.name);
  const [chosen, setChosen] = useState<RecordData[]>([]);
  const group = groupOf(entity, state);
  const order = state.sort ?? view.sort ?? undefined;
  const filter = listFilter(state, entity);
  const filtered = filter !== undefined || state.q !== '';
  const firstSort = order?.split(',')[0];
  useTitle(entity.plural || entity.label, model.agency.name);
  useWatch(entity.name);

  const options = pageQuery(api, entity, view, state, language);
  const { query } = options;
  const list = useQuery({ ...options, placeholderData: keepPreviousData });
  const page = useSteady(list.data);
  const queries = useQueryClient();
  const next = list.isPlaceholderData ? null : page?.next;
  /** The page after this one comes before it is asked for: when the button is approached, and from the second page on, as who turns one turns more. */
  const fetchNext = () => {
    if (next) void queries.prefetchQuery(pageQuery(api, entity, view, { ...state, after: next }, language));
  };
  const latestFetch = useRef(fetchNext);
  useEffect(() => {
    latestFetch.current = fetchNext;
  });
  useEffect(() => {
    if (next && state.page > 1) latestFetch.current();
  }, [next, state.page]);
  const body = useRef<HTMLDivElement>(null);
  const [onward, back] = [page?.next && !list.isPlaceholderData ? page.next : null, state.page > 1 && !list.isPlaceholderData];
  /** Whether there is such a page to turn to, and the one before it has come. */
  const turn = (forward: boolean): boolean => {
    if (!(forward ? onward : back)) return false;
    const cursor = before.at(-1) ?? undefined;
    if (forward) go({ ...state, after: onward ?? undefined, page: state.page + 1 }, [...before, state.after ?? null]);
    // Without the cursors (the address came from someone else) only the first page is known.
    else go({ ...state, after: cursor, page: cursor ? state.page - 1 : 1 }, before.slice(0, -1));
    return true;
  };
  usePageKeys(turn, body, list.isPlaceholderData ? undefined : page);
  const counts = useGroupCounts(entity, group, { view: query.view, filter, q: query.q });
  const changeable = useMemo(
    () => (entity.rights.update && !entity.ledger ? columns.filter((field) => isEditable(field) && field.right === 'write' && !isFile(field)) : []),
    [entity, columns],
  );
  const bulk = (entity.rights.update || entity.rights.delete || entity.transitions.length > 0) && !entity.ledger;
  const total = page?.total == null ? undefined : t(totalTexts[page.total_is ?? 'exact'], { count: page.total });
  const known = new Map(page?.items.map((record) => [record.id, record]));

  return (
    <div className="page">
      <Head
        entity={entity}
        aside={total && <span className="muted count">{total}</span>}
      />
      <div className="panel" aria-busy={list.isFetching}>
        <Toolbar entity={entity} view={view} state={state} go={go} fetching={list.isFetching} onReload={() => void list.refetch()}>
          {model.entities['core.list_view'] && (
            <Suspense fallback={null}>
              <SavedViews
                entity={entity}
                state={state}
                widths={widths}
                onShow={(next, stored) => {
                  setWidths(stored);
                  go(next);
                }}
              />
            </Suspense>
          )}
          <Suspense fallback={null}>
            <ExportMenu entity={entity} query={{ view: query.view, filter, sort: query.sort, q: query.q }} columns={names} total={total} />
            <ColumnsMenu entity={entity} shown={names} own={state.columns !== undefined} group={state.group} onColumns={(next) => go({ ...state, columns: next })} onGroup={(next) => go(withChange(state, { group: next }))} />
          </Suspense>
        </Toolbar>
        {chosen.length > 0 && (
          <Suspense fallback={null}>
            <BulkBar entity={entity} chosen={chosen.map((record) => known.get(record.id) ?? record)} onClear={() => setChosen([])} />
          </Suspense>
        )}
        {list.isError && !page ? (
          <LoadError error={list.error} onRetry={() => void list.refetch()} notFound={t('error.entityMissingText')} />
        ) : !page ? (
          <div className="skeleton" role="status" aria-label={t('list.loading')}>
            <Skeleton active title={false} paragraph={{ rows: 10, width: '100%' }} />
          </div>
        ) : (
          <>
            {list.isError && <LoadError error={list.error} onRetry={() => void list.refetch()} />}
            <div ref={body} className={list.isPlaceholderData ? 'outdated' : ''}>
              <RecordTable
                entity={entity} columns={columns} records={page.items} group={group} counts={counts} changeable={changeable} sort={firstSort}
                onSort={(next) => go(withChange(state, { sort: next }))} widths={widths} onWidths={setWidths} chosen={bulk ? chosen : undefined} onChosen={setChosen}
              />
            </div>
            {page.items.length === 0 && (
              <Empty className="list-empty" image={Empty.PRESENTED_IMAGE_SIMPLE} description={t(filtered ? 'list.emptyFiltered' : 'list.empty', { entity: entity.plural || entity.label })}>
                {!filtered && entity.rights.create && (
                  <LinkButton type="primary" to={createPath(entity.name)}>
                    {t('list.createFirst', { entity: entity.label })}
                  </LinkButton>
                )}
              </Empty>
            )}
            <nav className="pager" aria-label={t('list.paging')}>
              <Select
                aria-label={t('list.pageSize')}
                value={state.size}
                options={pageSizes.map((size) => ({ value: size, label: t('list.perPage', { size }) }))}
                onChange={(size: number) => go(withChange(state, { size }))}
              />
              <div className="spacer" />
              <Button
                icon={<LeftOutlined aria-hidden />}
                aria-label={before.length === 0 && state.page > 2 ? t('list.first') : t('list.previous')}
                aria-keyshortcuts="Alt+PageUp"
                title={`${t('list.previous')} (Alt+PageUp)`}
                disabled={state.page === 1}
                aria-disabled={state.page === 1 || list.isPlaceholderData}
                onClick={() => turn(false)}
              />
              <span className="page-number">{t('list.page', { page: state.page })}</span>
              <Button
                icon={<RightOutlined aria-hidden />}
                aria-label={t('list.next')}
                aria-keyshortcuts="Alt+PageDown"
                title={`${t('list.next')} (Alt+PageDown)`}
                // In words alone while a page is on its way: what is disabled loses the focus.
                disabled={!page.next}
                aria-disabled={!page.next || list.isPlaceholderData}
                onPointerEnter={fetchNext}
                onFocus={fetchNext}
                onClick={() => turn(true)}
              />
            </nav>
          </>
        )}
      </div>
    </div>
  );
}

/** Turns pages by Alt and the keys for pages; who was in the rows, or nowhere, is then in the first row of the new page. */
function usePageKeys(turn: (forward: boolean) => boolean, body: RefObject<HTMLElement | null>, shown: object | undefined) {
  const moved = useRef<object | undefined>(undefined);
  const press = useEffectEvent((event: globalThis.KeyboardEvent) => {
    const within = event.target instanceof Element ? event.target : null;
    if (!event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || (event.key !== 'PageDown' && event.key !== 'PageUp') || within?.closest('[role=dialog]')) return;
    event.preventDefault();
    const among = !within || within === document.body || body.current?.contains(within);
    // Before it is turned: a page that is known already is there at once.
    if (among) moved.current = shown;
    if (!turn(event.key === 'PageDown')) moved.current = undefined;
  });
  useEffect(() => {
    const listener = (event: globalThis.KeyboardEvent) => press(event);
    window.addEventListener('keydown', listener);
    return () => window.removeEventListener('keydown', listener);
  }, []);
  useEffect(() => {
    if (!moved.current || !shown || moved.current === shown) return;
    moved.current = undefined;
    body.current?.querySelector<HTMLElement>('.row-link')?.focus();
  }, [shown, body]);
}

/** How many records each group has in all, by value. */
function useGroupCounts(entity: Entity, group: Field | undefined, query: { view: string | undefined; filter: string | undefined; q: string | undefined }): Map<string, number> {
  const api = useApi();
  const counts = useQuery({
    queryKey: ['list', entity.name, 'groups', group?.name, query],
    queryFn: ({ signal }) => api.get('/records/{entity}/aggregate', { path: { entity: entity.name }, query: { ...query, group: group!.name, measure: 'count', limit: 1000 }, signal }),
    enabled: !!group,
  });
  return useMemo(() => new Map(counts.data?.items.map((item) => [String(group ? item.group[group.name] : ''), Number(item['count'])])), [counts.data, group]);
}

function SearchBox({ value, label, onSearch }: { value: string; label: string; onSearch: (q: string) => void }) {
  const [text, setText] = useState(value);
  const latest = useRef(onSearch);
  const sent = useRef(value);
  useEffect(() => {
    latest.current = onSearch;
  });
  const send = (q: string) => {
    sent.current = q;
    latest.current(q);
  };
  // The address changed otherwise (back, filters cleared): show what it says, but never under the typing hand.
  useEffect(() => {
    if (value !== sent.current) {
      sent.current = value;
      setText(value);
    }
  }, [value]);
  useEffect(() => {
    if (text.trim() === sent.current) return undefined;
    const timer = setTimeout(() => send(text.trim()), 400);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <Input.Search
      className="search"
      value={text}
      placeholder={label}
      aria-label={label}
      allowClear
      onChange={(event) => setText(event.target.value)}
      onSearch={(q) => send(q.trim())}
    />
  );
}

