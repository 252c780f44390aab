import { useQuery, useQueryClient } from '@tanstack/react-query';
import { App, Button, Input, Modal } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { ApiError } from '../api/client';
import type { Approval, Entity, Model } from '../api/types';
import { formatInstant } from '../format';
import { fieldOf } from '../model';
import { recordPagePath } from '../paths';
import { useRecordChanged } from '../record_queries';
import { useApi, useLanguage } from '../services';
import { useSession } from '../session';
import { useErrorText } from '../use_error_text';
import { useValueText } from './field_value';
import { useDiscard } from './use_discard';

type Verdict = 'approve' | 'reject' | 'withdraw';

/** Whether some step of what the user sees may need approval. */
export const hasApprovals = (model: Model) => Object.values(model.entities).some((entity) => entity.transitions.some((one) => (one.approval ?? []).length > 0));

/** How many wait for the user. A notice comes with each, and makes it count again. */
export function useWaitingCount(enabled: boolean): number {
  const api = useApi();
  const { language } = useLanguage();
  const waiting = useQuery({
    queryKey: ['approvals', 'count', language],
    queryFn: ({ signal }) => api.get('/approvals', { query: { limit: 1, count: '1' }, signal }),
    enabled,
    refetchInterval: 60_000,
  });
  return waiting.data?.total ?? 0;
}

/** A step that waits for approval: who asked, who may decide, what was decided, and what the user can do. */
export function ApprovalItem({ approval, entity, linked }: { approval: Approval; entity: Entity | undefined; linked?: boolean }) {
  const { t } = useTranslation();
  const { locale } = useSession();
  const valueText = useValueText();
  const [asking, setAsking] = useState<Verdict | null>(null);
  const time = (text: string) => formatInstant(text, locale.locale, locale.timeZone);
  const title = approval.record.title ?? `#${approval.record.id}`;
  const open = approval.steps.find((step) => step.state === 'open');
  const text = ({ field: name, value }: Approval['input'][number]) => {
    const field = entity && fieldOf(entity, name);
    return entity && field ? valueText(entity, field, { id: '', version: 0, [name]: value }) : String(value ?? '');
  };
  return (
    <section className={`approval approval-${approval.state}`} aria-label={t('approval.of', { label: approval.transition.label })}>
      <div className="approval-head">
        <strong>{approval.transition.label}</strong>
        {linked && (
          <Link to={recordPagePath(approval.entity, approval.record.id)}>
            {approval.entity_label} {title}
          </Link>
        )}
        <span className="approval-state">{t(`approval.state_${approval.state}`)}</span>
        <span className="muted">{t('approval.asked', { name: approval.asked_by?.name || t('timeline.unknownActor'), time: time(approval.asked_at) })}</span>
      </div>
      {approval.comment && <blockquote className="event-note">{approval.comment}</blockquote>}
      {approval.input.length > 0 && (
        <dl className="approval-input">
          {approval.input.map((one) => (
            <div key={one.field}>
              <dt>{one.label}</dt>
              <dd>{text(one) || t('value.empty')}</dd>
            </div>
          ))}
        </dl>
      )}
      {open && <p className="approval-waiting">{t('approval.waitingFor', { names: open.waiting_for.join(t('approval.and')) })}</p>}
      {approval.reason && approval.state !== 'waiting' && <p>{approval.reason}</p>}
      <ol className="approval-steps">
        {approval.steps.flatMap((step) =>
          step.decisions.map((one, index) => (
            <li key={`${step.name}-${index}`}>
              {step.label}
              {t('value.colon')}
              {t(one.verdict === 'approve' ? 'approval.gave' : 'approval.refused', { name: one.by?.name || t('timeline.unknownActor') })}
              {one.deputy_of && ` (${t('approval.deputy', { name: one.deputy_of.name })})`} <span className="muted">{time(one.at)}</span>
              {one.comment && <blockquote className="event-note">{one.comment}</blockquote>}
            </li>
          )),
        )}
      </ol>
      {(approval.may_decide || approval.may_withdraw) && (
        <div className="approval-actions">
          {approval.may_decide && (
            <>
              <Button size="small" type="primary" onClick={() => setAsking('approve')}>
                {t('approval.approve')}
              </Button>
              <Button size="small" danger onClick={() => setAsking('reject')}>
                {t('approval.reject')}
              </Button>
            </>
          )}
          {approval.may_withdraw && (
            <Button size="small" onClick={() => setAsking('withdraw')}>
              {t('approval.withdraw')}
            </Button>
          )}
        </div>
      )}
      {asking && <DecisionDialog approval={approval} verdict={asking} title={`${approval.transition.label} · ${title}`} onClose={() => setAsking(null)} />}
    </section>
  );
}

function DecisionDialog({ approval, verdict, title, onClose }: { approval: Approval; verdict: Verdict; title: string; onClose: () => void }) {
  const { t } = useTranslation();
  const api = useApi();
  const queries = useQueryClient();
  const changed = useRecordChanged();
  const errorText = useErrorText();
  const { message } = App.useApp();
  const [comment, setComment] = useState('');
  const [problem, setProblem] = useState('');
  const [saving, setSaving] = useState(false);
  const label = t(`approval.${verdict}`);
  const close = useDiscard(comment.trim() !== '', onClose);

  const decide = async () => {
    const said = comment.trim();
    if (verdict === 'reject' && !said) {
      setProblem(t('approval.reasonRequired'));
      return;
    }
    setSaving(true);
    try {
      const body = said ? { comment: said } : {};
      const options = { path: { id: approval.id } };
      // What is decided about is what is on the screen.
      const seen = approval.record.version === null ? options : { ...options, version: approval.record.version };
      const answer =
        verdict === 'approve' ? await api.post('/approvals/{id}/approve', body, seen)
        : verdict === 'reject' ? await api.post('/approvals/{id}/reject', body, seen)
        : await api.post('/approvals/{id}/withdraw', body, options);
      if (answer.state === 'void') void message.warning(`${t('approval.state_void')}${t('value.colon')}${answer.reason ?? ''}`);
      else void message.success(t(`approval.done_${answer.state}`));
      onClose();
    } catch (error) {
      setProblem(errorText(error));
      if (!(error instanceof ApiError) || ![403, 404, 409].includes(error.status)) return;
    } finally {
      setSaving(false);
      void queries.invalidateQueries({ queryKey: ['approvals'] });
      void changed(approval.entity, approval.record.id);
    }
  };

  return (
    <Modal
      open
      title={title}
      okText={label}
      cancelText={t('form.cancel')}
      okButtonProps={{ loading: saving, danger: verdict === 'reject' }}
      onOk={() => void decide()}
      onCancel={close}
    >
      <label className="approval-comment">
        <span>{t(verdict === 'reject' ? 'approval.reason' : 'record.comment')}</span>
        <Input.TextArea value={comment} onChange={(event) => setComment(event.target.value)} autoSize={{ minRows: 2, maxRows: 8 }} status={problem ? 'error' : ''} />
      </label>
      {problem && (
        <p role="alert" className="approval-problem">
          {problem}
        </p>
      )}
    </Modal>
  );
}
