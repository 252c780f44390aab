import { Alert, Button, Calendar as MonthGrid, Popover } from 'antd';
import dayjs from 'dayjs';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { StateLabel } from '../components/field_value';
import { LoadError } from '../components/load_state';
import { useValueText } from '../components/field_value';
import { dotColor, formatDate } from '../format';
import { stateOf, titleOf } from '../model';
import { recordPagePath } from '../paths';
import { useSession } from '../session';
import { addDays, addMonths, monthStart, todayIn, weekStart } from './days';
import { monthTitle, RangeBar } from './range_bar';
import { ViewSkeleton } from './record_view';
import { detailFields, isFilled, type ViewProps } from './types';
import { mostShown, useRangeRecords, type Placed } from './use_range';

type Mode = 'month' | 'week';
const mostInCell = 3;

/** Records on the days of a month or a week. */
export default function RecordCalendar(props: ViewProps) {
  const { t } = useTranslation();
  const { locale } = useSession();
  const today = todayIn(locale.timeZone);
  const [day, setDay] = useState(today);
  const [mode, setMode] = useState<Mode>('month');
  const firstDay = dayjs().startOf('week').day();
  const week = weekStart(day, firstDay);
  // A month shows the ends of its neighbours.
  const range = mode === 'week' ? { from: week, to: addDays(week, 7) } : { from: addDays(monthStart(day), -7), to: addDays(monthStart(day), 43) };
  const records = useRangeRecords(props, range);
  const placed = records.data?.placed ?? [];
  const on = (date: string) => placed.filter(({ span }) => span.first <= date && date <= span.last);
  const step = (direction: number) => setDay(mode === 'week' ? addDays(day, 7 * direction) : addMonths(monthStart(day), direction));
  const title =
    mode === 'week'
      ? `${formatDate(week, locale.locale)} – ${formatDate(addDays(week, 6), locale.locale)}`
      : monthTitle(day, locale.locale);

  return (
    <div className="calendar" aria-busy={records.isFetching}>
      <RangeBar<Mode>
        title={title}
        loading={records.isFetching}
        units={[
          { value: 'month', label: t('calendar.month') },
          { value: 'week', label: t('calendar.week') },
        ]}
        unit={mode}
        onUnit={setMode}
        onStep={step}
        onToday={() => setDay(today)}
      />
      {records.data?.more && <Alert type="info" showIcon title={t('calendar.partial', { count: mostShown })} className="range-note" />}
      {records.isError && !records.data ? (
        <LoadError error={records.error} onRetry={() => void records.refetch()} />
      ) : !records.data ? (
        <ViewSkeleton />
      ) : mode === 'month' ? (
        <MonthGrid
          key={monthStart(day)}
          className="month"
          value={dayjs(day)}
          headerRender={() => null}
          fullCellRender={(date) => {
            const text = date.format('YYYY-MM-DD');
            return <DayCell {...props} day={text} entries={on(text)} today={text === today} outside={text.slice(0, 7) !== day.slice(0, 7)} limit={mostInCell} />;
          }}
        />
      ) : (
        <div className="week">
          {Array.from({ length: 7 }, (_, index) => addDays(week, index)).map((text) => (
            <section key={text} className="week-day" aria-label={formatDate(text, locale.locale)}>
              <h3>{new Intl.DateTimeFormat(locale.locale, { timeZone: 'UTC', weekday: 'short' }).format(new Date(`${text}T00:00:00Z`))}</h3>
              <DayCell {...props} day={text} entries={on(text)} today={text === today} outside={false} limit={Infinity} detailed />
            </section>
          ))}
        </div>
      )}
    </div>
  );
}

interface CellProps extends ViewProps {
  day: string;
  entries: Placed[];
  today: boolean;
  outside: boolean;
  limit: number;
  detailed?: boolean;
}

function DayCell({ entity, view, day, entries, today, outside, limit, detailed }: CellProps) {
  const { t } = useTranslation();
  const { locale } = useSession();
  // One that would be hidden behind "1 more" may as well be shown.
  const shown = entries.length <= limit + 1 ? entries : entries.slice(0, limit);
  const rest = entries.length - shown.length;
  const list = (some: Placed[], full: boolean) => (
    <ul className="entries">
      {some.map((one) => (
        <li key={one.record.id}>
          <Entry entity={entity} view={view} placed={one} day={day} detailed={full} />
        </li>
      ))}
    </ul>
  );
  return (
    <div className={`day${today ? ' day-today' : ''}${outside ? ' day-outside' : ''}`}>
      <span className="day-number" aria-current={today ? 'date' : undefined}>
        {Number(day.slice(8))}
      </span>
      {shown.length > 0 && list(shown, detailed === true)}
      {rest > 0 && (
        <Popover trigger="click" title={formatDate(day, locale.locale)} content={<div className="entries-all">{list(entries, true)}</div>}>
          <Button type="link" size="small" className="more-entries">
            {t('calendar.more', { count: rest })}
          </Button>
        </Popover>
      )}
    </div>
  );
}

function Entry({ entity, view, placed: { record, span }, day, detailed }: ViewProps & { placed: Placed; day: string; detailed: boolean }) {
  const valueText = useValueText();
  const state = stateOf(entity, record.state);
  const details = detailFields(entity, view).filter((field) => isFilled(record, field) && field.name !== 'state');
  const texts = details.map((field) => valueText(entity, field, record));
  // The title alone is often a number; what the view names says more.
  const text = [titleOf(entity, record), ...texts].join(' · ');
  return (
    <Link to={recordPagePath(entity.name, record.id)} className={detailed ? 'entry entry-detailed' : 'entry'} title={text}>
      <span className="dot" style={{ background: dotColor(state?.color ?? 'blue') }} aria-hidden />
      <span className="entry-text">
        {span.time && span.first === day && <span className="entry-time">{span.time} </span>}
        {detailed ? (
          <>
            <strong>{texts[0] ?? titleOf(entity, record)}</strong>
            <span>{[titleOf(entity, record), ...texts.slice(1)].join(' · ')}</span>
            {record.state && <StateLabel entity={entity} state={record.state} />}
          </>
        ) : (
          (texts.slice(0, 2).join(' · ') || titleOf(entity, record))
        )}
      </span>
    </Link>
  );
}
