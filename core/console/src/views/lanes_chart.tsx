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
}

/** vis-timeline; times are the agency's wall clock, so it is told that all is UTC. */
export default function LanesChart({ lanes, bars, from, to, now, label }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const base = useHref('/');
  const navigate = useNavigate();
  const { locale } = useSession();
  const go = useRef(navigate);
  useEffect(() => {
    go.current = navigate;
  });

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
    const chinese = locale.locale.startsWith('zh');
    const options: TimelineOptions = {
      start: day(from), end: day(to), min: day(from), max: day(to),
      moment: (date: unknown) => moment.utc(date as moment.MomentInput),
      zoomable: false, moveable: false, selectable: false, stack: true, verticalScroll: true, maxHeight: '68vh', minHeight: 160, showCurrentTime: false, orientation: 'top', margin: { item: { horizontal: 2, vertical: 6 }, axis: 8 },
      showTooltips: false,
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
        const dot = document.createElement('span');
        dot.className = 'dot';
        dot.style.background = bar.color;
        dot.setAttribute('aria-hidden', 'true');
        link.append(dot, document.createTextNode(bar.text));
        link.addEventListener('click', (event) => {
          if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
          event.preventDefault();
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
    timeline.addCustomTime(day(now), 'today');
    return () => timeline.destroy();
  }, [lanes, bars, from, to, now, base, locale.locale]);

  return <div ref={box} className="lanes-chart" role="group" aria-label={label} />;
}
