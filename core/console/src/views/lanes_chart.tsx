import 'vis-timeline/styles/vis-timeline-graph2d.min.css';
import moment from 'moment';
import { useEffect, useRef } from 'react';
import { useHref, useNavigate } from 'react-router';
import { DataSet } from 'vis-data/esnext';
import { Timeline, type TimelineOptions } from 'vis-timeline/esnext';
import { useSession } from '../session';

export interface Lane {
  id: string;
  /** Stored value; empty: records that have none. */
  value: string;
  label: string;
}

export interface Bar {
  id: string;
  lane: string;
  /** Wall clock of the agency, as if it were UTC. */
  begin: number;
  end: number | undefined;
  text: string;
  title: string;
  color: string;
  path: string;
}

interface Props {
  lanes: Lane[];
  bars: Bar[];
  /** Days; `to` is the one after the last. */
  from: string;
  to: string;
  now: string;
  label: string;
  /** What dragging may change, and what becomes of it; the bar itself stays where it was. */
  move?: { time: boolean; lane: boolean; /** Milliseconds that a bar keeps to. */ grid: number; onMove: (bar: Bar, to: { lane: string; begin: number; end: number | undefined }) => void } | undefined;
}

/** vis-timeline; times are the agency's wall clock, so it is told that all is UTC. */
export default function LanesChart({ lanes, bars, from, to, now, label, move }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const base = useHref('/');
  const navigate = useNavigate();
  const { locale } = useSession();
  const go = useRef(navigate);
  const moving = useRef(move);
  useEffect(() => {
    go.current = navigate;
    moving.current = move;
  });
  const [time, lane, grid] = [move?.time === true, move?.lane === true, move?.grid ?? 1];

  useEffect(() => {
    if (!box.current) return undefined;
    const day = (text: string) => new Date(`${text}T00:00:00Z`);
    const items = new DataSet(
      bars.map((bar) => ({
        id: bar.id,
        ...(lanes.length > 0 ? { group: bar.lane } : {}),
        start: new Date(bar.begin),
        ...(bar.end === undefined ? { type: 'point' as const } : { end: new Date(bar.end), type: 'range' as const }),
        content: bar.text,
        bar,
      })),
    );
    // A drag ends with a click on the bar, which must not open the record.
    let dragged = 0;
    const chinese = locale.locale.startsWith('zh');
    const options: TimelineOptions = {
      start: new Date(day(from).getTime() + 1), end: day(to), min: day(from), max: day(to),
      moment: (date: unknown) => moment.utc(date as moment.MomentInput),
      zoomable: false, moveable: false, selectable: false, stack: true, verticalScroll: true, maxHeight: '68vh', minHeight: 160, showCurrentTime: false, orientation: 'top', margin: { item: { horizontal: 2, vertical: 6 }, axis: 8 },
      showTooltips: false,
      ...(time || lane
        ? {
            editable: { updateTime: time, updateGroup: lane, add: false, remove: false, overrideItems: true },
            itemsAlwaysDraggable: { item: true, range: false },
            snap: (date: Date) => new Date(Math.floor(date.getTime() / grid) * grid),
            onMoving: ((item: unknown, done: (item: unknown) => void) => {
              dragged = Date.now();
              done(item);
            }) as unknown as NonNullable<TimelineOptions['onMoving']>,
            onMove: ((item: { start: Date; end?: Date; group?: string; bar: Bar }, done: (item: null) => void) => {
              dragged = Date.now();
              // It stays until the server has agreed.
              done(null);
              const wall = (date: Date | undefined) => (date === undefined ? undefined : new Date(date).getTime());
              const to = { lane: item.group ?? item.bar.lane, begin: wall(item.start) ?? item.bar.begin, end: item.bar.end === undefined ? undefined : wall(item.end) };
              if (to.lane !== item.bar.lane || to.begin !== item.bar.begin) moving.current?.onMove(item.bar, to);
            }) as unknown as NonNullable<TimelineOptions['onMove']>,
          }
        : {}),
      format: {
        minorLabels: { millisecond: 'SSS', second: 's', minute: 'HH:mm', hour: 'HH:mm', weekday: 'D', day: 'D', week: 'D', month: chinese ? 'M月' : 'MMM', year: 'YYYY' },
        majorLabels: { millisecond: 'HH:mm:ss', second: 'HH:mm', minute: 'YYYY-MM-DD', hour: 'YYYY-MM-DD', weekday: chinese ? 'YYYY年M月' : 'MMM YYYY', day: chinese ? 'YYYY年M月' : 'MMM YYYY', week: chinese ? 'YYYY年M月' : 'MMM YYYY', month: 'YYYY', year: '' },
      },
      // Elements of our own: nothing of a record is ever taken for HTML.
      template: ((_: unknown, __: unknown, data: { bar?: Bar } | undefined) => {
        const bar = data?.bar;
        const link = document.createElement('a');
        if (!bar) return link;
        link.href = `${base.replace(/\/$/, '')}${bar.path}`;
        link.title = bar.title;
        link.className = 'bar-link';
        link.draggable = false;
        const dot = document.createElement('span');
        dot.className = 'dot';
        dot.style.background = bar.color;
        dot.setAttribute('aria-hidden', 'true');
        link.append(dot, document.createTextNode(bar.text));
        link.addEventListener('click', (event) => {
          if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
          event.preventDefault();
          if (Date.now() - dragged < 300) return;
          void go.current(bar.path);
        });
        return link;
      }) as unknown as NonNullable<TimelineOptions['template']>,
      groupTemplate: ((lane: Lane | undefined) => {
        const name = document.createElement('span');
        name.textContent = lane?.label ?? '';
        return name;
      }) as unknown as NonNullable<TimelineOptions['groupTemplate']>,
    };
    const groups = new DataSet(lanes.map((lane, order) => ({ id: lane.id, content: lane.label, label: lane.label, order })));
    const timeline = lanes.length > 0 ? new Timeline(box.current, items as never, groups as never, options) : new Timeline(box.current, items as never, options);
    // It shows itself only after its range has changed once, by however little.
    timeline.setWindow(day(from), day(to), { animation: false });
    timeline.addCustomTime(day(now), 'today');
    return () => timeline.destroy();
  }, [lanes, bars, from, to, now, base, locale.locale, time, lane, grid]);

  return <div ref={box} className="lanes-chart" role="group" aria-label={label} />;
}
