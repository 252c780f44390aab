import LeftOutlined from '@ant-design/icons/es/icons/LeftOutlined';
import RightOutlined from '@ant-design/icons/es/icons/RightOutlined';
import { Button, Segmented, Spin } from 'antd';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';

interface Props<Unit extends string> {
  /** What is shown, for people: a month's name, or two days. */
  title: string;
  loading: boolean;
  units: { value: Unit; label: string }[];
  unit: Unit;
  onUnit: (unit: Unit) => void;
  onStep: (direction: 1 | -1) => void;
  onToday: () => void;
  children?: ReactNode;
}

/** Chooses the span of time that a view shows. */
export function RangeBar<Unit extends string>({ title, loading, units, unit, onUnit, onStep, onToday, children }: Props<Unit>) {
  const { t } = useTranslation();
  return (
    <div className="range-bar">
      <Button icon={<LeftOutlined aria-hidden />} aria-label={t('calendar.previous')} onClick={() => onStep(-1)} />
      <Button onClick={onToday}>{t('calendar.today')}</Button>
      <Button icon={<RightOutlined aria-hidden />} aria-label={t('calendar.next')} onClick={() => onStep(1)} />
      <h2 aria-live="polite">{title}</h2>
      {loading && <Spin size="small" />}
      <div className="spacer" />
      <Segmented<Unit> aria-label={t('calendar.mode')} value={unit} options={units} onChange={onUnit} />
      {children}
    </div>
  );
}

/** The name of the month that the day (`2026-12-20`) is in. */
export function monthTitle(day: string, locale: string): string {
  return new Intl.DateTimeFormat(locale, { timeZone: 'UTC', year: 'numeric', month: 'long' }).format(new Date(`${day.slice(0, 7)}-01T00:00:00Z`));
}
