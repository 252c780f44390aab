import UserSwitchOutlined from '@ant-design/icons/es/icons/UserSwitchOutlined';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { App, Button, Card } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import { ApiError } from '../api/client';
import type { components } from '../api/schema';
import type { Entity, RecordData } from '../api/types';
import { formatInstant } from '../format';
import { recordPagePath } from '../paths';
import { useApi } from '../services';
import { useSession } from '../session';
import { useErrorText } from '../use_error_text';

type Assignment = components['schemas']['Assignment'];
type Queue = components['schemas']['Queue'];

interface TakeProps {
  entity: Entity;
  /** Says where the record is worked on; its page opens where this is not given, or gives false. */
  onTaken?: (record: RecordData) => Promise<boolean>;
}

/** One button for each queue of the entity from which one may take records. */
export function TakeNext({ entity, onTaken }: TakeProps) {
  const api = useApi();
  const { i18n } = useTranslation();
  const queues = useQuery({
    queryKey: ['queues', i18n.language],
    queryFn: ({ signal }) => api.get('/queues', { signal }),
    enabled: entity.assignments.some((rule) => rule.strategy === 'queue'),
    refetchInterval: 60_000,
  });
  const mine = queues.data?.items.filter((queue) => queue.entity === entity.name && queue.strategy === 'queue') ?? [];
  return mine.map((queue) => <TakeButton key={queue.name} queue={queue} alone={mine.length === 1} onTaken={onTaken} />);
}

function TakeButton({ queue, alone, onTaken }: { queue: Queue; alone: boolean; onTaken: TakeProps['onTaken'] }) {
  const { t } = useTranslation();
  const api = useApi();
  const { message } = App.useApp();
  const errorText = useErrorText();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const take = useMutation({
    mutationFn: () => api.post('/queues/{assignment}/next', undefined as never, { path: { assignment: queue.name } }),
    onSuccess: async (record) => {
      if (!(await onTaken?.(record))) await navigate(recordPagePath(queue.entity, record.id));
    },
    onError: (error) => void (error instanceof ApiError && error.status === 404 ? message.info(errorText(error)) : message.error(errorText(error))),
    onSettled: () => {
      void queries.invalidateQueries({ queryKey: ['queues'] });
      void queries.invalidateQueries({ queryKey: ['list', queue.entity] });
    },
  });
  return (
    <Button icon={<UserSwitchOutlined aria-hidden />} loading={take.isPending} onClick={() => take.mutate()}>
      {t(alone ? 'assignment.take' : 'assignment.takeFrom', { queue: queue.label, waiting: queue.waiting })}
    </Button>
  );
}

/** Who got the record by which rule, and why; nothing where its entity has no such rule. */
export function Assignments({ entity, record }: { entity: Entity; record: RecordData }) {
  const { t, i18n } = useTranslation();
  const api = useApi();
  const errorText = useErrorText();
  const list = useQuery({
    queryKey: ['assignments', entity.name, record.id, record.version, i18n.language],
    queryFn: ({ signal }) => api.get('/records/{entity}/{id}/assignments', { path: { entity: entity.name, id: record.id }, signal }),
    enabled: entity.assignments.length > 0,
  });
  if (entity.assignments.length === 0 || (list.data && list.data.items.length === 0)) return null;
  return (
    <Card className="group-card" title={<h2>{t('assignment.title')}</h2>} loading={list.isPending}>
      {list.isError && !list.data && (
        <Button size="small" danger onClick={() => void list.refetch()}>
          {errorText(list.error)} {t('error.retry')}
        </Button>
      )}
      <ul className="clock-list">
        {list.data?.items.map((one) => <Decision key={one.id} decision={one} />)}
      </ul>
    </Card>
  );
}

function Decision({ decision }: { decision: Assignment }) {
  const { t, i18n } = useTranslation();
  const { model } = useSession();
  const [open, setOpen] = useState(false);
  const lines = `assignment-${decision.id}`;
  const name = decision.user?.name ?? t('assignment.somebody');
  return (
    <li className="clock">
      <div className="clock-head">
        <strong>{decision.outcome === 'waiting' ? t('assignment.waits') : name}</strong>
        <span className="clock-standing">{decision.label}</span>
      </div>
      <div className="clock-time">
        <span>{t(`assignment.${decision.outcome}`)}</span>
        <span className="muted">{formatInstant(decision.at, i18n.language, model.agency.time_zone)}</span>
        <Button type="link" size="small" aria-expanded={open} aria-controls={lines} onClick={() => setOpen(!open)}>
          {t(open ? 'clock.hide' : 'clock.explain')}
        </Button>
      </div>
      {open && (
        <ul className="clock-lines" id={lines}>
          {decision.rules.map((rule) => (
            <li key={rule.rule}>
              {rule.label}: {t(`assignment.rule_${rule.why}`)}
            </li>
          ))}
          {decision.fallback && <li>{t('assignment.fallback')}</li>}
          {decision.candidates.map((candidate, index) => (
            <li key={index}>
              {candidate.user?.name}: {t(`assignment.fit_${candidate.fit}`)}
              {candidate.score !== null && ` · ${t('assignment.score', { score: candidate.score })}`}
              {candidate.load !== null && ` · ${t('assignment.load', { load: candidate.load })}`}
              {candidate.turn !== null && ` · ${candidate.turn === 0 ? t('assignment.turnNone') : t('assignment.turn', { turn: candidate.turn })}`}
            </li>
          ))}
          {decision.hidden > 0 && <li className="muted">{t('assignment.hidden', { number: decision.hidden })}</li>}
          {decision.candidates.length === 0 && decision.hidden === 0 && decision.rules.length === 0 && <li className="muted">{t('assignment.nothing')}</li>}
        </ul>
      )}
    </li>
  );
}
