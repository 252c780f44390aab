import SearchOutlined from '@ant-design/icons/es/icons/SearchOutlined';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { Input, Modal, Spin } from 'antd';
import { useEffect, useId, useMemo, useRef, useState, type KeyboardEvent, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import type { components } from '../api/schema';
import { hasApprovals } from '../components/approvals';
import { NamedIcon } from '../icons';
import { navigation } from '../model';
import { approvalsPath, createPath, listPath, pagePath, recordPagePath } from '../paths';
import { matchesTyped, usePinyinFilter } from '../pinyin';
import { useApi, useLanguage } from '../services';
import { useSession } from '../session';
import { useErrorText } from '../use_error_text';
import { adminPages } from './admin_pages';

type Hit = components['schemas']['SearchHit'];

interface Entry {
  key: string;
  group: string;
  icon: string;
  label: string;
  aside?: ReactNode;
  to: string;
}

const mostCommands = 8;

/** Everything that one can go to or begin, and every record, by typing. */
export default function Palette({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const { model, user } = useSession();
  const { language } = useLanguage();
  const api = useApi();
  const navigate = useNavigate();
  const errorText = useErrorText();
  const id = useId();
  usePinyinFilter(true);
  const [typed, setTyped] = useState('');
  const [words, setWords] = useState('');
  const [at, setAt] = useState(0);
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const timer = setTimeout(() => setWords(typed.trim()), 200);
    return () => clearTimeout(timer);
  }, [typed]);
  const search = useQuery({
    queryKey: ['search', words, language],
    queryFn: ({ signal }) => api.get('/search', { query: { q: words, limit: 12 }, signal }),
    enabled: words !== '',
    placeholderData: keepPreviousData,
    staleTime: 5000,
  });

  const commands = useMemo<Entry[]>(() => {
    const modules = navigation(model);
    const pages = t('palette.pages'), create = t('palette.create');
    return [
      { key: 'day', group: pages, icon: 'home', label: t('day.title'), to: '/' },
      ...(hasApprovals(model) ? [{ key: 'approvals', group: pages, icon: 'audit', label: t('approval.title'), to: approvalsPath }] : []),
      ...modules.flatMap(({ module, pages: own, entities }) => [
        ...own.map((page) => ({ key: `page:${page.name}`, group: pages, icon: page.icon || 'dashboard', label: page.label, aside: module.label, to: pagePath(page.name) })),
        ...entities.map((entity) => ({ key: `list:${entity.name}`, group: pages, icon: entity.icon || module.icon, label: entity.plural || entity.label, aside: module.label, to: listPath(entity.name) })),
      ]),
      ...(user.administrator ? adminPages.map((page) => ({ key: page.path, group: pages, icon: page.icon, label: t(page.label), aside: t('app.administration'), to: page.path })) : []),
      { key: 'handbook', group: pages, icon: 'book', label: t('handbook.title'), to: '/handbook' },
      ...modules.flatMap(({ entities }) =>
        entities.filter((entity) => entity.rights.create).map((entity) => ({ key: `new:${entity.name}`, group: create, icon: entity.icon, label: t('list.create', { entity: entity.label }), to: createPath(entity.name) })),
      ),
    ];
  }, [model, user.administrator, t]);

  const shown = commands.filter((one) => matchesTyped(one.label, typed)).slice(0, typed.trim() ? mostCommands : 40);
  const found: Entry[] = (words && typed.trim() ? (search.data?.items ?? []) : []).map((hit) => ({
    key: `record:${hit.entity}/${hit.id}`, group: t('palette.records'), icon: model.entities[hit.entity]?.icon ?? '', label: hit.title, aside: <Fragment hit={hit} />, to: recordPagePath(hit.entity, hit.id),
  }));
  // What was typed is most often a record; where nothing was typed, there are only the pages.
  const entries = [...found, ...shown];
  const current = Math.min(at, entries.length - 1);

  const go = (entry: Entry | undefined) => {
    if (!entry) return;
    onClose();
    void navigate(entry.to);
  };
  const press = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return;
    const by = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (by !== 0) {
      event.preventDefault();
      const next = entries.length === 0 ? 0 : (current + by + entries.length) % entries.length;
      setAt(next);
      list.current?.querySelectorAll('[role="option"]')[next]?.scrollIntoView({ block: 'nearest' });
    } else if (event.key === 'Enter') {
      event.preventDefault();
      go(entries[current]);
    }
  };
  const groups = [...new Set(entries.map((one) => one.group))];
  return (
    <Modal open title={<span className="hidden-text">{t('palette.title')}</span>} footer={null} closable={false} onCancel={onClose} width={640} className="palette" style={{ top: 72 }}>
      <Input
        autoFocus
        size="large"
        variant="borderless"
        prefix={<SearchOutlined aria-hidden />}
        suffix={search.isFetching ? <Spin size="small" /> : <kbd>Esc</kbd>}
        placeholder={t('palette.placeholder')}
        aria-label={t('palette.placeholder')}
        role="combobox"
        aria-expanded={entries.length > 0}
        aria-controls={`${id}-list`}
        aria-activedescendant={entries[current] ? `${id}-${current}` : undefined}
        value={typed}
        onChange={(event) => {
          setTyped(event.target.value);
          setAt(0);
        }}
        onKeyDown={press}
      />
      <div ref={list} id={`${id}-list`} role="listbox" aria-label={t('palette.title')} className="palette-list">
        {groups.map((group) => (
          <div key={group} role="group" aria-label={group}>
            <div className="palette-group" aria-hidden>{group}</div>
            {entries.map((entry, index) =>
              entry.group !== group ? null : (
                <div key={entry.key} id={`${id}-${index}`} role="option" aria-selected={index === current} className="palette-entry" onMouseMove={() => setAt(index)} onClick={() => go(entry)}>
                  <NamedIcon name={entry.icon} />
                  <span className="palette-label">{entry.label}</span>
                  {entry.aside && <span className="palette-aside">{entry.aside}</span>}
                </div>
              ),
            )}
          </div>
        ))}
      </div>
      {entries.length === 0 && (
        <p className="palette-none" role="status">
          {search.isError ? errorText(search.error) : search.isFetching || words !== typed.trim() ? t('list.loading') : t('palette.none')}
        </p>
      )}
      {search.data && search.data.building.length > 0 && words !== '' && <p className="palette-none muted">{t('palette.building')}</p>}
    </Modal>
  );
}

/** Where a record was found, with what was found in it. */
function Fragment({ hit }: { hit: Hit }) {
  return (
    <>
      {hit.entity_label}
      {hit.number && hit.number !== hit.title ? ` ${hit.number}` : ''}
      {hit.fragment.length > 0 && hit.fragment.map((one) => one.text).join('') !== hit.title && (
        <>
          {' · '}
          {hit.fragment.map((one, index) => (one.hit ? <mark key={index}>{one.text}</mark> : <span key={index}>{one.text}</span>))}
        </>
      )}
    </>
  );
}
