import { Button, Empty, Input, Modal, Select, Skeleton, Tabs } from 'antd';
import { useEffect, useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useSearchParams } from 'react-router';
import { LoadError } from '../components/load_state';
import { DraftBar } from '../definitions/publish';
import { DefinitionPanel, type GoTo } from '../definitions/panel';
import { editsLayer, useKindName, useLayerName, type ListedDefinition } from '../definitions/parts';
import { Revisions, Upgrades } from '../definitions/revisions';
import { useDefinitions, useOwnDraft } from '../definitions/use_definitions';
import { useSession } from '../session';
import { AdminPage } from './parts';

// Departments have no module; they stand together.
const departments = '~departments';
const groupOf = (one: { kind: string; name: string }) => (one.kind === 'department' ? departments : one.name.split('.')[0]!);
const keyOf = (one: { kind: string; name: string }) => `${one.kind}/${one.name}`;

/** The agency's configuration: definitions and what the console says of them, published revisions, what upgrades changed. */
export default function ConfigurationPage() {
  const { t } = useTranslation();
  const [params, setParams] = useSearchParams();
  const definitions = useDefinitions();
  const draft = useOwnDraft();
  const [target, setTarget] = useState<GoTo | undefined>();
  const tab = params.get('tab') ?? 'documents';
  const show = (next: Record<string, string>) => setParams(next, { replace: next['tab'] !== undefined });
  const go = (place: GoTo) => {
    setTarget(place.line > 0 ? place : undefined);
    show({ kind: place.kind, name: place.name });
  };
  return (
    <AdminPage title={t('configuration.title')}>
      {definitions.data && <DraftBar draft={draft} base={definitions.data.base} onGo={go} />}
      <Tabs
        activeKey={tab}
        onChange={(key) => show(key === 'documents' ? {} : { tab: key })}
        destroyOnHidden
        items={[
          {
            key: 'documents',
            label: t('definitions.documents'),
            children: definitions.isPending ? (
              <Skeleton active className="skeleton" />
            ) : definitions.isError ? (
              <LoadError error={definitions.error} onRetry={() => void definitions.refetch()} />
            ) : (
              <Documents items={definitions.data.items} base={definitions.data.base} target={target} onGo={go} />
            ),
          },
          { key: 'revisions', label: t('definitions.revisions'), children: <Revisions /> },
          { key: 'upgrades', label: t('definitions.upgrades'), children: <Upgrades onGo={go} /> },
        ]}
      />
    </AdminPage>
  );
}

interface DocumentsProps {
  items: readonly ListedDefinition[];
  base: string;
  target: GoTo | undefined;
  onGo: (place: GoTo) => void;
}

function Documents({ items, base, target, onGo }: DocumentsProps) {
  const { t } = useTranslation();
  const [params] = useSearchParams();
  const kind = params.get('kind'), name = params.get('name');
  const shown = kind && name ? { kind, name } : null;
  return (
    <div className="definitions">
      <DefinitionTree items={items} shown={shown} onGo={onGo} />
      {shown ? (
        <DefinitionPanel key={keyOf(shown)} kind={shown.kind} name={shown.name} base={base} target={target} onGo={onGo} />
      ) : (
        <div className="panel definition-none">
          <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t('definitions.choose')} />
        </div>
      )}
    </div>
  );
}

function byKind(members: readonly ListedDefinition[]): [string, ListedDefinition[]][] {
  const out = new Map<string, ListedDefinition[]>();
  for (const one of members) out.set(one.kind, [...(out.get(one.kind) ?? []), one]);
  return [...out];
}

type Only = 'all' | 'edited' | 'drafted';

/** All definitions by module and kind; where each comes from stands beside it. */
function DefinitionTree({ items, shown, onGo }: { items: readonly ListedDefinition[]; shown: { kind: string; name: string } | null; onGo: (place: GoTo) => void }) {
  const { t } = useTranslation();
  const { model } = useSession();
  const kindName = useKindName();
  const layerName = useLayerName();
  const draft = useOwnDraft();
  const [search, setSearch] = useState('');
  const [only, setOnly] = useState<Only>('all');
  const [adding, setAdding] = useState(false);
  const drafted = useMemo(() => new Set(draft.documents.map(keyOf)), [draft]);
  const known = useMemo(() => new Set(items.map(keyOf)), [items]);
  const groups = useMemo(() => {
    const all: ListedDefinition[] = [
      ...items,
      ...draft.documents.filter((one) => !known.has(keyOf(one))).map((one) => ({ kind: one.kind, name: one.name, label: null, edited: false, sources: [] })),
    ];
    const wanted = search.trim().toLowerCase();
    const out = new Map<string, ListedDefinition[]>();
    for (const one of all) {
      if (only === 'edited' && !one.edited) continue;
      if (only === 'drafted' && !drafted.has(keyOf(one))) continue;
      if (wanted && !`${one.name} ${one.label ?? ''} ${kindName(one.kind)} ${one.kind}`.toLowerCase().includes(wanted)) continue;
      const module = groupOf(one);
      out.set(module, [...(out.get(module) ?? []), one]);
    }
    return [...out].sort(([a], [b]) => a.localeCompare(b));
  }, [items, draft, drafted, known, search, only, kindName]);
  const open = search.trim() !== '' || only !== 'all';
  const moduleName = (name: string) => (name === departments ? kindName('department') : model.modules.find((one) => one.name === name)?.label);
  // Where one comes by a link, the tree shows where that is.
  const tree = useRef<HTMLDivElement>(null);
  const current = shown && keyOf(shown);
  useEffect(() => {
    const list = tree.current, item = list?.querySelector<HTMLElement>('.tree-here');
    if (!list || !item) return;
    // Only the list is scrolled, not the page with it.
    const top = item.getBoundingClientRect().top - list.getBoundingClientRect().top;
    if (top < 0 || top > list.clientHeight - item.offsetHeight) list.scrollTop += top - list.clientHeight / 3;
  }, [current]);
  return (
    <nav className="panel definition-tree" aria-label={t('definitions.tree')}>
      <div className="tree-tools">
        <Input allowClear aria-label={t('definitions.search')} placeholder={t('definitions.search')} value={search} onChange={(event) => setSearch(event.target.value)} />
        <Select<Only>
          aria-label={t('definitions.only')}
          value={only}
          onChange={setOnly}
          options={[
            { value: 'all', label: t('definitions.onlyAll') },
            { value: 'edited', label: t('definitions.onlyEdited', { count: items.filter((one) => one.edited).length }) },
            { value: 'drafted', label: t('definitions.onlyDrafted', { count: drafted.size }) },
          ]}
        />
        <Button onClick={() => setAdding(true)}>{t('definitions.add')}</Button>
      </div>
      <div className="tree-groups" ref={tree}>
        {groups.length === 0 && <p className="muted tree-none">{t('definitions.noneFound')}</p>}
        {groups.map(([module, members]) => (
          <details key={`${module}/${open}`} open={open || (shown !== null && groupOf(shown) === module)}>
            <summary>
              {moduleName(module) ?? module} <span className="muted">{moduleName(module) && module !== departments ? module : ''}</span> <span className="tree-count">{members.length}</span>
            </summary>
            {byKind(members).map(([kind, list]) => (
              <div key={kind} className="tree-kind" role="group" aria-label={kindName(kind)}>
                <div className="tree-kind-name">{kindName(kind)}</div>
                <ul>
                  {list.map((one) => {
                    const here = shown?.kind === one.kind && shown.name === one.name;
                    const last = one.sources.filter((source) => source.layer !== editsLayer).at(-1);
                    const origin = [last ? layerName(last.layer) : '', one.edited ? t('definitions.edited') : '', drafted.has(keyOf(one)) ? t('definitions.drafted') : ''].filter(Boolean);
                    return (
                      <li key={keyOf(one)}>
                        <button type="button" className={here ? 'tree-item tree-here' : 'tree-item'} aria-current={here ? 'true' : undefined} onClick={() => onGo({ kind: one.kind, name: one.name, line: 0, column: 0 })}>
                          <span className="tree-name">{one.name.includes('.') ? one.name.slice(one.name.indexOf('.') + 1) : one.name}</span>
                          {one.label && <span className="muted tree-label">{one.label}</span>}
                          <span className={drafted.has(keyOf(one)) ? 'tree-origin tree-drafted' : one.edited ? 'tree-origin tree-edited' : 'tree-origin'}>{origin.join(' · ')}</span>
                        </button>
                      </li>
                    );
                  })}
                </ul>
              </div>
            ))}
          </details>
        ))}
      </div>
      {adding && <AddDialog kinds={[...new Set(items.map((one) => one.kind))]} taken={known} onClose={() => setAdding(false)} onGo={onGo} />}
    </nav>
  );
}

/** A definition that nobody has spoken of yet. */
function AddDialog({ kinds, taken, onClose, onGo }: { kinds: string[]; taken: Set<string>; onClose: () => void; onGo: (place: GoTo) => void }) {
  const { t } = useTranslation();
  const kindName = useKindName();
  const [kind, setKind] = useState('view');
  const [name, setName] = useState('');
  const sound = /^[a-z][a-z0-9_]{0,47}(\.[a-z][a-z0-9_]{0,47})?$/.test(name);
  const choices = [...new Set(['view', 'form', 'report', 'page', 'automation', 'message', ...kinds])].filter((one) => one !== 'agency').sort((a, b) => kindName(a).localeCompare(kindName(b)));
  return (
    <Modal
      open
      width={480}
      title={t('definitions.addTitle')}
      okText={t(taken.has(`${kind}/${name}`) ? 'definitions.openIt' : 'definitions.add')}
      cancelText={t('form.cancel')}
      okButtonProps={{ disabled: !sound }}
      onOk={() => {
        onClose();
        onGo({ kind, name, line: 0, column: 0 });
      }}
      onCancel={onClose}
    >
      <div className="publish">
        <label className="publish-word">
          <span>{t('definitions.kind')}</span>
          <Select aria-label={t('definitions.kind')} value={kind} onChange={setKind} options={choices.map((one) => ({ value: one, label: kindName(one) }))} />
        </label>
        <label className="publish-word">
          <span>{t('definitions.name')}</span>
          <Input value={name} placeholder="agency.open_trips" onChange={(event) => setName(event.target.value.trim())} autoComplete="off" />
        </label>
        <p className="muted">{t('definitions.nameHelp')}</p>
      </div>
    </Modal>
  );
}
