import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Alert, App, Button, Collapse, Input, Modal, Radio, Skeleton } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ApiError } from '../api/client';
import type { components } from '../api/schema';
import { LoadError } from '../components/load_state';
import { useApi } from '../services';
import { useErrorText } from '../use_error_text';
import { dropDraft, edits, rebaseDraft, type Draft } from './draft';
import { Diff, editsLayer, FindingList, useKindName, type DefinitionFinding } from './parts';
import type { GoTo } from './panel';

/** Shows what a draft changes and would do to the data, and publishes it. */
export function PublishDialog({ draft, onClose, onGo, onStale }: { draft: Draft; onClose: () => void; onGo: (place: GoTo) => void; onStale: () => void }) {
  const { t } = useTranslation();
  const api = useApi();
  const queries = useQueryClient();
  const errorText = useErrorText();
  const { message } = App.useApp();
  const kindName = useKindName();
  const [comment, setComment] = useState('');
  const [leftovers, setLeftovers] = useState<'keep' | 'drop'>('keep');
  const [word, setWord] = useState('');
  const [working, setWorking] = useState(false);
  const [refusal, setRefusal] = useState('');
  const plan = useQuery({
    queryKey: ['definitions', 'plan', draft],
    queryFn: ({ signal }) => api.post('/admin/config/check', { base: draft.base, documents: edits(draft), plan: true }, { signal }),
    gcTime: 0,
  });
  const steps = plan.data?.plan?.steps ?? [];
  const blocked = steps.some((step) => step.blocked);
  const left = steps.filter((step) => !step.blocked);
  const wrong = plan.data?.findings.filter((one) => one.severity === 'error') ?? [];
  const warned = plan.data?.findings.filter((one) => one.severity === 'warning' && !one.known) ?? [];
  const dropping = left.length > 0 && leftovers === 'drop';
  const ready = plan.data?.sound === true && !blocked && comment.trim() !== '' && (!dropping || word === t('definitions.dropWord'));
  const go = (one: DefinitionFinding) => {
    onClose();
    onGo({ kind: one.kind!, name: one.name!, line: one.line, column: one.column });
  };
  const publish = async () => {
    setWorking(true);
    setRefusal('');
    try {
      const done = await api.post('/admin/config/publish', {
        base: draft.base, documents: edits(draft), comment: comment.trim(),
        ...(left.length > 0 ? { leftovers } : {}), ...(dropping && plan.data?.plan?.confirm ? { confirm: plan.data.plan.confirm } : {}),
      });
      dropDraft();
      if (done.not_dropped) void message.warning(t('definitions.notDropped', { why: done.not_dropped }), 10);
      else void message.success(t('definitions.published', { id: done.revision }));
      onClose();
      await queries.invalidateQueries();
    } catch (error) {
      if (error instanceof ApiError && error.code === 'definitions_stale') {
        onClose();
        onStale();
        return;
      }
      setRefusal(errorText(error));
      void plan.refetch();
    } finally {
      setWorking(false);
    }
  };
  return (
    <Modal
      open
      width={820}
      title={t('definitions.publishTitle')}
      okText={t('definitions.publish')}
      cancelText={t('form.cancel')}
      okButtonProps={{ disabled: !ready, loading: working, danger: dropping }}
      onOk={() => void publish()}
      onCancel={onClose}
    >
      <div className="publish">
        {refusal && <Alert type="error" showIcon role="alert" title={refusal} />}
        {plan.isPending ? (
          <Skeleton active paragraph={{ rows: 3 }} />
        ) : plan.isError ? (
          <LoadError error={plan.error} onRetry={() => void plan.refetch()} />
        ) : (
          <>
            {wrong.length > 0 && (
              <section>
                <Alert type="error" showIcon title={t('definitions.mistakes', { count: wrong.length })} />
                <FindingList findings={wrong.slice(0, 50)} onGo={go} here={() => false} />
              </section>
            )}
            {warned.length > 0 && (
              <section>
                <Alert type="warning" showIcon title={t('definitions.newWarnings', { count: warned.length })} />
                <FindingList findings={warned.slice(0, 50)} onGo={go} here={() => false} />
              </section>
            )}
            {steps.length > 0 && (
              <section className="plan" aria-label={t('definitions.plan')}>
                <h3 className="small-head">{t('definitions.plan')}</h3>
                <ul className="findings">
                  {steps.map((step, index) => (
                    <li key={index} className={step.blocked || step.loses ? 'finding finding-error' : 'finding finding-warning'}>
                      <div>{step.what}</div>
                      {step.samples.length > 0 && (
                        <ul className="samples">
                          {step.samples.map((sample, number) => (
                            <li key={number}>
                              <code>{sample}</code>
                            </li>
                          ))}
                        </ul>
                      )}
                      {step.blocked && <div className="muted">{t('definitions.blocked')}</div>}
                    </li>
                  ))}
                </ul>
                {left.length > 0 && !blocked && (
                  <>
                    <Radio.Group
                      aria-label={t('definitions.plan')}
                      value={leftovers}
                      onChange={(event) => setLeftovers(event.target.value as 'keep' | 'drop')}
                      options={[{ value: 'keep', label: t('definitions.keep') }, { value: 'drop', label: t('definitions.drop') }]}
                    />
                    {dropping && (
                      <label className="publish-word">
                        <span>{t('definitions.typeWord', { word: t('definitions.dropWord') })}</span>
                        <Input value={word} onChange={(event) => setWord(event.target.value)} autoComplete="off" />
                      </label>
                    )}
                  </>
                )}
              </section>
            )}
            <section>
              <h3 className="small-head">{t('definitions.changes')}</h3>
              <Collapse
                size="small"
                defaultActiveKey={draft.documents.length === 1 ? ['0'] : []}
                items={draft.documents.map((one, index) => ({
                  key: String(index),
                  label: `${kindName(one.kind)} ${one.name}`,
                  children: <Diff before={one.before} after={one.text} label={t('definitions.changesOf', { name: one.name })} />,
                }))}
              />
            </section>
          </>
        )}
        <label className="publish-word">
          <span>{t('definitions.comment')}</span>
          <Input.TextArea value={comment} maxLength={500} rows={2} onChange={(event) => setComment(event.target.value)} />
        </label>
      </div>
    </Modal>
  );
}

type Difference = components['schemas']['DefinitionComparison']['items'][number];

/** Somebody published since the draft was begun: takes over the newer revision, and decides where both changed the same document. */
export function RebaseDialog({ draft, to, onClose }: { draft: Draft; to: string; onClose: () => void }) {
  const { t } = useTranslation();
  const api = useApi();
  const kindName = useKindName();
  const [taken, setTaken] = useState<Record<string, 'mine' | 'theirs'>>({});
  const compared = useQuery({ queryKey: ['definitions', 'compare', draft.base, to], queryFn: ({ signal }) => api.get('/admin/config/compare', { query: { from: draft.base, to }, signal }) });
  const own = (compared.data?.items ?? []).filter((one) => one.layer === editsLayer);
  const key = (one: { kind: string; name: string }) => `${one.kind}/${one.name}`;
  const collisions = own.filter((one) => draft.documents.some((mine) => key(mine) === key(one)));
  const decided = collisions.every((one) => taken[key(one)]);
  const theirs = (one: Difference) => one.after?.text ?? '';
  const done = () => {
    rebaseDraft(to, collisions.map((one) => ({ kind: one.kind, name: one.name, theirs: theirs(one), ...(taken[key(one)] === 'theirs' ? { text: theirs(one) } : {}) })));
    onClose();
  };
  return (
    <Modal open width={960} title={t('definitions.rebaseTitle', { id: to })} okText={t('definitions.rebase')} cancelText={t('form.cancel')} okButtonProps={{ disabled: !compared.data || !decided }} onOk={done} onCancel={onClose}>
      {compared.isPending ? (
        <Skeleton active />
      ) : compared.isError ? (
        <LoadError error={compared.error} onRetry={() => void compared.refetch()} />
      ) : (
        <div className="publish">
          <p>{t(collisions.length > 0 ? 'definitions.collides' : 'definitions.noCollision')}</p>
          {collisions.map((one) => {
            const mine = draft.documents.find((other) => key(other) === key(one))!;
            return (
              <section key={key(one)}>
                <h3 className="small-head">{`${kindName(one.kind)} ${one.name}`}</h3>
                <div className="three-way">
                  <div>
                    <h4 className="small-head">{t('definitions.theirs')}</h4>
                    <Diff before={one.before?.text ?? ''} after={theirs(one)} label={t('definitions.theirs')} />
                  </div>
                  <div>
                    <h4 className="small-head">{t('definitions.mine')}</h4>
                    <Diff before={one.before?.text ?? ''} after={mine.text} label={t('definitions.mine')} />
                  </div>
                </div>
                <Radio.Group
                  aria-label={`${kindName(one.kind)} ${one.name}`}
                  value={taken[key(one)] ?? null}
                  onChange={(event) => setTaken((before) => ({ ...before, [key(one)]: event.target.value as 'mine' | 'theirs' }))}
                  options={[{ value: 'mine', label: t('definitions.takeMine') }, { value: 'theirs', label: t('definitions.takeTheirs') }]}
                />
              </section>
            );
          })}
        </div>
      )}
    </Modal>
  );
}

/** What stands above every page that edits definitions: the draft, whether it is on the revision in use, and the way to publish it. */
export function DraftBar({ draft, base, onGo }: { draft: Draft; base: string; onGo: (place: GoTo) => void }) {
  const { t } = useTranslation();
  const { modal } = App.useApp();
  const queries = useQueryClient();
  const kindName = useKindName();
  const [dialog, setDialog] = useState<'publish' | 'rebase' | null>(null);
  if (draft.documents.length === 0) return null;
  const stale = draft.base !== base;
  return (
    <div className="panel draft-bar">
      <div>
        <strong>{t('definitions.draft', { count: draft.documents.length })}</strong>{' '}
        {draft.documents.map((one) => (
          <button key={`${one.kind}/${one.name}`} type="button" className="link-like draft-document" onClick={() => onGo({ kind: one.kind, name: one.name, line: 0, column: 0 })}>
            {`${kindName(one.kind)} ${one.name}`}
          </button>
        ))}
        {stale && <div className="check-wrong">{t('definitions.stale', { id: base })}</div>}
      </div>
      <div className="draft-actions">
        <Button
          onClick={() =>
            modal.confirm({ title: t('definitions.discardAllTitle'), content: t('definitions.discardAllText'), okText: t('definitions.discardAll'), okButtonProps: { danger: true }, cancelText: t('form.cancel'), onOk: dropDraft })
          }
        >
          {t('definitions.discardAll')}
        </Button>
        {stale ? (
          <Button type="primary" onClick={() => setDialog('rebase')}>
            {t('definitions.look')}
          </Button>
        ) : (
          <Button type="primary" onClick={() => setDialog('publish')}>
            {t('definitions.publishDraft')}
          </Button>
        )}
      </div>
      {dialog === 'publish' && (
        <PublishDialog
          draft={draft}
          onClose={() => setDialog(null)}
          onGo={onGo}
          onStale={() => void queries.invalidateQueries({ queryKey: ['definitions', 'list'] }).then(() => setDialog('rebase'))}
        />
      )}
      {dialog === 'rebase' && <RebaseDialog draft={draft} to={base} onClose={() => setDialog(null)} />}
    </div>
  );
}
