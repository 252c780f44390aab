import { useQuery } from '@tanstack/react-query';
import { Modal, Skeleton, Tag } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { components } from '../api/schema';
import { LoadError } from '../components/load_state';
import { useApi } from '../services';
import { useCodeWords } from './codes';
import { diffLines, folded } from './diff';

type Schemas = components['schemas'];
export type DefinitionList = Schemas['DefinitionList'];
export type ListedDefinition = DefinitionList['items'][number];
export type DefinitionDetail = Schemas['Definition'];
export type DefinitionFinding = Schemas['DefinitionFinding'];
export type DefinitionCheck = Schemas['DefinitionCheck'];
export type Saying = Schemas['DefinitionSaying'];

export const editsLayer = 'console edits';

/** A layer as people call it. */
export function useLayerName(): (layer: string) => string {
  const { t } = useTranslation();
  return (layer) => {
    if (layer.startsWith('plugin ')) return t('definitions.layerPlugin', { name: layer.slice(7) });
    if (layer.startsWith('pack ')) return t('definitions.layerPack', { name: layer.slice(5) });
    if (layer === 'core') return t('definitions.layerCore');
    if (layer === 'agency') return t('definitions.layerAgency');
    return t(layer === editsLayer ? 'definitions.layerConsole' : 'definitions.layerSettings');
  };
}

/** A kind of definition as people call it; its word where the console does not know it. */
export function useKindName(): (kind: string) => string {
  const { t, i18n } = useTranslation();
  return (kind) => (i18n.exists(`definitions.kind_${kind}`) ? t(`definitions.kind_${kind}` as 'definitions.kind_entity') : kind);
}

/** A comparison of two texts, line by line; the signs say it without colours. */
export function Diff({ before, after, label }: { before: string; after: string; label: string }) {
  const { t } = useTranslation();
  const lines = folded(diffLines(before, after));
  return (
    <div className="diff" role="group" aria-label={label} tabIndex={0}>
      {lines.map((line, index) =>
        typeof line === 'number' ? (
          <div key={index} className="diff-fold">
            {t('definitions.sameLines', { count: line })}
          </div>
        ) : (
          <div key={index} className={`diff-line diff-${line.kind}`}>
            <span className="diff-number" aria-hidden>{line.newLine ?? line.oldLine}</span>
            <span className="diff-sign">{line.kind === 'old' ? '−' : line.kind === 'new' ? '+' : ' '}</span>
            <code>{line.text || ' '}</code>
          </div>
        ),
      )}
    </div>
  );
}

/** What is wrong: in the reader's language what such a mistake is, then the check's own words, which name what stands there. */
export function Said({ finding }: { finding: { code: string; message: string; hint: string } }) {
  const words = useCodeWords()(finding.code);
  return (
    <>
      {words && (
        <p className="finding-words">
          <strong>{words.title}</strong>
          <br />
          {words.advice}
        </p>
      )}
      <div lang="en" className={words ? 'muted' : undefined}>
        {finding.message}
        {finding.hint && <div className="muted">{finding.hint}</div>}
      </div>
    </>
  );
}

/** What a check found; each leads to its place. */
export function FindingList({ findings, onGo, here }: { findings: readonly DefinitionFinding[]; onGo: (finding: DefinitionFinding) => void; here: (finding: DefinitionFinding) => boolean }) {
  const { t } = useTranslation();
  const kindName = useKindName();
  const [code, setCode] = useState<string | null>(null);
  return (
    <>
      <ul className="findings">
        {findings.map((one, index) => (
          <li key={index} className={one.severity === 'error' ? 'finding finding-error' : 'finding finding-warning'}>
            <div className="finding-head">
              <Tag className={one.severity === 'error' ? 'tag-failed' : 'tag-waiting'}>{t(one.severity === 'error' ? 'configuration.error' : 'configuration.warning')}</Tag>
              {one.kind && one.name ? (
                <button type="button" className="link-like" onClick={() => onGo(one)}>
                  {here(one) ? t('definitions.lineColumn', { line: one.line, column: one.column }) : `${kindName(one.kind)} ${one.name}, ${one.file}:${one.line}:${one.column}`}
                </button>
              ) : (
                <code>{`${one.file}:${one.line}:${one.column}`}</code>
              )}
            </div>
            <Said finding={one} />
            {one.explained ? (
              <button type="button" className="link-like finding-code" aria-label={t('definitions.explain', { code: one.code })} onClick={() => setCode(one.code)}>
                <code>{one.code}</code>
              </button>
            ) : (
              <code className="muted">{one.code}</code>
            )}
          </li>
        ))}
      </ul>
      {code && <Explanation code={code} onClose={() => setCode(null)} />}
    </>
  );
}

/** What a code of the check means. */
function Explanation({ code, onClose }: { code: string; onClose: () => void }) {
  const { t } = useTranslation();
  const api = useApi();
  const words = useCodeWords()(code);
  const page = useQuery({ queryKey: ['check-code', code], queryFn: ({ signal }) => api.get('/admin/config/codes/{code}', { path: { code }, signal }), staleTime: Infinity });
  return (
    <Modal open title={words ? <>{words.title} <code className="muted">{code}</code></> : code} footer={null} onCancel={onClose} width={560}>
      {words && <p>{words.advice}</p>}
      {page.isPending ? (
        <Skeleton active />
      ) : page.isError ? (
        <LoadError error={page.error} onRetry={() => void page.refetch()} />
      ) : (
        <>
          <p lang="en" className={words ? 'muted' : undefined}>{page.data.what}</p>
          {page.data.wrong && (
            <>
              <h3 className="small-head">{t('definitions.wrong')}</h3>
              <pre className="code-block" tabIndex={0}>{page.data.wrong}</pre>
            </>
          )}
          {page.data.right && (
            <>
              <h3 className="small-head">{t('definitions.right')}</h3>
              <pre className="code-block" tabIndex={0}>{page.data.right}</pre>
            </>
          )}
        </>
      )}
    </Modal>
  );
}
