import { Button, Empty, Skeleton, Tabs, Tag } from 'antd';
import { lazy, Suspense, useId, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useDark } from '../appearance';
import { LoadError } from '../components/load_state';
import { useCodeWords } from './codes';
import type { Schema } from './completion';
import { dropDocument, editDraft } from './draft';
import type { Mark } from './editor';
import { editsLayer, FindingList, useKindName, useLayerName, type DefinitionDetail, type DefinitionFinding } from './parts';
import { publishedText, useCheck, useDefinition, useDefinitionSchema, useOwnDraft } from './use_definitions';

const Editor = lazy(() => import('./editor'));

export interface GoTo {
  kind: string;
  name: string;
  line: number;
  column: number;
}

interface Props {
  kind: string;
  name: string;
  /** The revision in use. */
  base: string;
  /** Where to go in the console's text. */
  target?: GoTo | undefined;
  /** Another definition is asked for. */
  onGo: (place: GoTo) => void;
  /** Without what the layers below say. */
  narrow?: boolean;
}

/** The console's text of one definition, checked as it is typed, beside what the layers below say. */
export function DefinitionPanel({ kind, name, base, target, onGo, narrow = false }: Props) {
  const { t } = useTranslation();
  const kindName = useKindName();
  const dark = useDark();
  const help = useId();
  const draft = useOwnDraft();
  const { check, pending } = useCheck(draft);
  const schema = useDefinitionSchema();
  const words = useCodeWords();
  const definition = useDefinition(kind, name);
  const [asked, setAsked] = useState<GoTo | undefined>();
  // What stands in the editor though it is no draft: nothing at all, where everything was deleted to begin anew.
  const [typed, setTyped] = useState<string | null>(null);
  const known = useMemo(() => definition.data?.words.filter((word) => !word.sayings.at(-1)?.removed).map((word) => word.path), [definition.data]);

  const published = publishedText(definition.data);
  const drafted = draft.documents.find((one) => one.kind === kind && one.name === name);
  const start = kind === 'agency' ? 'kind: agency\n' : `kind: ${kind}\nname: ${name}\n`;
  const text = drafted ? drafted.text : (typed ?? (published || start));
  const here = (one: DefinitionFinding) => one.kind === kind && one.name === name && one.file.startsWith('console:edits/');
  const found = check.data?.findings ?? [];
  const own = found.filter(here);
  // What the draft brings about elsewhere, and what was found before in this definition.
  const others = found.filter((one) => !here(one) && (!one.known || (one.kind === kind && one.name === name)));
  const marks = useMemo<Mark[]>(
    () => found.filter(here).map((one) => ({ line: one.line, column: one.column, severity: one.severity, message: [words(one.code)?.title, one.message, one.hint].filter(Boolean).join('\n') })),
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [check.data, kind, name],
  );
  const change = (next: string) => {
    setTyped(next === '' ? next : null);
    editDraft(base, { kind, name, text: next === start && !published ? '' : next, before: published });
  };
  const go = (one: DefinitionFinding) => {
    const place = { kind: one.kind!, name: one.name!, line: one.line, column: one.column };
    if (here(one)) setAsked(place);
    else onGo(place);
  };
  const errors = own.filter((one) => one.severity === 'error').length;

  if (definition.isPending) return <Skeleton active className="skeleton" paragraph={{ rows: 8 }} />;
  if (definition.isError) return <LoadError error={definition.error} onRetry={() => void definition.refetch()} />;
  return (
    <div className={narrow ? 'definition definition-narrow' : 'definition'}>
      <section className="panel definition-own" aria-label={t('definitions.own', { name })}>
        <div className="definition-head">
          <h2>
            {kindName(kind)} <code>{name}</code>
          </h2>
          {drafted && <Tag className="tag-waiting">{t(drafted.text.trim() === '' ? 'definitions.toBeRemoved' : 'definitions.drafted')}</Tag>}
          {!drafted && published && <Tag className="tag-done">{t('definitions.edited')}</Tag>}
          <span className="definition-actions">
            {drafted && (
              <Button size="small" onClick={() => {
                  setTyped(null);
                  dropDocument(kind, name);
                }}>
                {t('definitions.discard')}
              </Button>
            )}
            {published && drafted?.text !== '' && (
              <Button size="small" onClick={() => editDraft(base, { kind, name, text: '', before: published })}>
                {t('definitions.remove')}
              </Button>
            )}
          </span>
        </div>
        <p className="muted definition-help" id={help}>
          {t('definitions.help')}
        </p>
        <div className="definition-editor">
          <Suspense fallback={<Skeleton active className="skeleton" />}>
            <Editor
              key={`${kind}/${name}`}
              text={text}
              onChange={change}
              label={t('definitions.editorLabel', { name })}
              describedBy={help}
              schema={schema.data as Schema | undefined}
              known={known}
              marks={marks}
              dark={dark}
              target={asked ?? (target?.kind === kind && target.name === name ? target : undefined)}
            />
          </Suspense>
        </div>
        <div className="definition-findings">
          <p role="status" className={errors > 0 ? 'check-state check-wrong' : 'check-state'}>
            {check.isError ? t('definitions.checkFailed') : pending || !check.data ? t('definitions.checking') : errors > 0 ? t('definitions.mistakes', { count: errors }) : check.data.sound ? t(drafted ? 'definitions.soundDraft' : 'definitions.sound') : t('definitions.mistakesElsewhere')}
          </p>
          <FindingList findings={own} onGo={go} here={here} />
          {others.length > 0 && (
            <>
              <h3 className="small-head">{t('definitions.elsewhere')}</h3>
              <FindingList findings={others.slice(0, 50)} onGo={go} here={here} />
            </>
          )}
        </div>
      </section>
      {!narrow && <Below definition={definition.data} />}
    </div>
  );
}

/** What the layers below say, and which of their words the console changes. */
function Below({ definition }: { definition: DefinitionDetail | null }) {
  const { t } = useTranslation();
  const dark = useDark();
  const layerName = useLayerName();
  const below = definition?.sources.filter((one) => one.layer !== editsLayer) ?? [];
  const changed = definition?.words.filter((word) => word.sayings.at(-1)?.layer === editsLayer) ?? [];
  if (!definition || below.length + changed.length === 0) {
    return (
      <section className="panel definition-below">
        <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t('definitions.newOne')} />
      </section>
    );
  }
  return (
    <section className="panel definition-below" aria-label={t('definitions.below')}>
      <Tabs
        size="small"
        items={[
          ...below.toReversed().map((one, index) => ({
            key: `source-${below.length - index}`,
            label: layerName(one.layer),
            children: (
              <>
                <p className="muted definition-file">
                  <code>{`${one.file}:${one.line}`}</code>
                </p>
                <div className="definition-source">
                  <Suspense fallback={<Skeleton active className="skeleton" />}>
                    <Editor text={one.text ?? ''} label={t('definitions.sourceLabel', { layer: layerName(one.layer) })} readOnly dark={dark} />
                  </Suspense>
                </div>
              </>
            ),
          })),
          {
            key: 'words',
            label: t('definitions.words', { count: changed.length }),
            children:
              changed.length === 0 ? (
                <p className="muted section-body">{t('definitions.noWords')}</p>
              ) : (
                <ul className="day-list words-list">
                  {changed.map((word) => {
                    const now = word.sayings.at(-1)!, before = word.sayings.at(-2);
                    return (
                      <li key={word.path}>
                        <code>{word.path}</code>
                        <span>
                          {before && !before.removed && <del className="muted">{before.value}</del>} {now.removed ? <em>{t('definitions.takenAway')}</em> : <ins>{now.value}</ins>}
                        </span>
                      </li>
                    );
                  })}
                </ul>
              ),
          },
        ]}
      />
    </section>
  );
}
