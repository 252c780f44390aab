import CheckCircleOutlined from '@ant-design/icons/es/icons/CheckCircleOutlined';
import ClockCircleOutlined from '@ant-design/icons/es/icons/ClockCircleOutlined';
import ExclamationCircleOutlined from '@ant-design/icons/es/icons/ExclamationCircleOutlined';
import PauseCircleOutlined from '@ant-design/icons/es/icons/PauseCircleOutlined';
import { useQuery } from '@tanstack/react-query';
import { Button, Card } from 'antd';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { components } from '../api/schema';
import type { Entity, RecordData } from '../api/types';
import { formatInstant } from '../format';
import { useApi } from '../services';
import { useErrorText } from '../use_error_text';

type Clock = components['schemas']['Clock'];

/** How a clock stands, told by a word and a sign, and by colour beside them. */
export function clockStanding(clock: Clock): 'met' | 'late' | 'breached' | 'paused' | 'soon' | 'running' {
  if (clock.state === 'met') return clock.breached_at ? 'late' : 'met';
  if (clock.breached_at) return 'breached';
  if (clock.state === 'paused') return 'paused';
  const { limit_seconds: limit, remaining_seconds: left } = clock;
  return limit !== null && left !== null && left * 5 <= limit ? 'soon' : 'running';
}

/** `3 h 20 min`, without a sign. */
export function durationParts(seconds: number): { hours: number; minutes: number } {
  const minutes = Math.floor(Math.abs(seconds) / 60);
  return { hours: Math.floor(minutes / 60), minutes: minutes % 60 };
}

const signs: Record<ReturnType<typeof clockStanding>, ReactNode> = {
  met: <CheckCircleOutlined aria-hidden />,
  late: <ExclamationCircleOutlined aria-hidden />,
  breached: <ExclamationCircleOutlined aria-hidden />,
  paused: <PauseCircleOutlined aria-hidden />,
  soon: <ClockCircleOutlined aria-hidden />,
  running: <ClockCircleOutlined aria-hidden />,
};

/** The time limits that run with a record; nothing where its entity has none. */
export function Clocks({ entity, record }: { entity: Entity; record: RecordData }) {
  const { t, i18n } = useTranslation();
  const api = useApi();
  const errorText = useErrorText();
  const clocks = useQuery({
    queryKey: ['clocks', entity.name, record.id, record.version, i18n.language],
    queryFn: ({ signal }) => api.get('/records/{entity}/{id}/clocks', { path: { entity: entity.name, id: record.id }, signal }),
    enabled: entity.clocks.length > 0,
    refetchInterval: 60_000,
  });
  if (entity.clocks.length === 0 || (clocks.data && clocks.data.items.length === 0)) return null;
  return (
    <Card className="group-card" title={<h2>{t('clock.title')}</h2>} loading={clocks.isPending}>
      {clocks.isError && !clocks.data && (
        <Button size="small" danger onClick={() => void clocks.refetch()}>
          {errorText(clocks.error)} {t('error.retry')}
        </Button>
      )}
      <ul className="clock-list">
        {clocks.data?.items.map((clock) => <ClockItem key={clock.name} clock={clock} />)}
      </ul>
    </Card>
  );
}

function ClockItem({ clock }: { clock: Clock }) {
  const { t, i18n } = useTranslation();
  const [open, setOpen] = useState(false);
  const standing = clockStanding(clock);
  const left = clock.remaining_seconds;
  const lines = `clock-${clock.name.replace('.', '-')}`;
  const moment = clock.state === 'met' ? clock.met_at : clock.due_at;
  return (
    <li className={`clock clock-${standing}`}>
      <div className="clock-head">
        <strong>{clock.label}</strong>
        <span className="clock-standing">
          {signs[standing]} {t(`clock.${standing}`)}
        </span>
      </div>
      <div className="clock-time">
        {clock.state !== 'met' && left !== null && <span>{t(left < 0 ? 'clock.over' : 'clock.left', durationParts(left))}</span>}
        {moment && (
          <span className="muted">
            {t(clock.state === 'met' ? 'clock.metAt' : 'clock.dueAt', { time: formatInstant(moment, i18n.language, clock.time_zone) })}
          </span>
        )}
        <Button type="link" size="small" aria-expanded={open} aria-controls={lines} onClick={() => setOpen(!open)}>
          {t(open ? 'clock.hide' : 'clock.explain')}
        </Button>
      </div>
      {open && (
        <ol className="clock-lines" id={lines}>
          {clock.lines.map((line, index) => (
            <li key={index}>{line.text}</li>
          ))}
        </ol>
      )}
    </li>
  );
}
