import { BarChart, LineChart, PieChart } from 'echarts/charts';
import { GridComponent, LegendComponent, TooltipComponent } from 'echarts/components';
import { init, use as register, type EChartsCoreOption } from 'echarts/core';
import { CanvasRenderer } from 'echarts/renderers';
import { theme } from 'antd';
import { useEffect, useEffectEvent, useRef } from 'react';
import type { Point } from './chart_data';

register([BarChart, LineChart, PieChart, GridComponent, LegendComponent, TooltipComponent, CanvasRenderer]);

const palette = ['#2f6fed', '#12a594', '#e5a00d', '#8b5cd6', '#e2603a', '#4c9a2a', '#d6468c', '#3a9bc8', '#8a6d3b', '#6b7483'];

/** Bars beside each other; more lie. */
const mostAcross = 8;

interface Props {
  kind: 'bar' | 'line' | 'pie' | 'number';
  points: Point[];
  label: string;
  measure: string;
  /** For the mouse; the table beside it has the same as links. */
  onOpen?: (point: Point) => void;
}

/** A chart by ECharts. What it shows is also told as text (label), and as a table beside it. */
export default function Drawing({ kind, points, label, measure, onOpen }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const { token } = theme.useToken();
  const opened = useEffectEvent((at: number) => {
    const point = points[at];
    if (point) onOpen?.(point);
  });
  useEffect(() => {
    if (!box.current) return undefined;
    const chart = init(box.current, undefined, { renderer: 'canvas' });
    const look = { text: token.colorText, muted: token.colorTextTertiary, line: token.colorBorderSecondary, font: token.fontFamily, accent: token.colorPrimary, surface: token.colorBgContainer };
    let drawn = '';
    const draw = (width: number) => {
      const option = optionOf(kind, points, measure, look, width);
      const said = JSON.stringify(option);
      if (said !== drawn) chart.setOption(option, true);
      drawn = said;
    };
    draw(box.current.clientWidth);
    chart.on('click', ({ dataIndex }) => opened(dataIndex));
    const observer = new ResizeObserver(([entry]) => {
      chart.resize();
      if (entry && entry.contentRect.width > 0) draw(entry.contentRect.width);
    });
    observer.observe(box.current);
    return () => {
      observer.disconnect();
      chart.dispose();
    };
  }, [kind, points, measure, token]);
  // A line for each name, where they stand below each other.
  const height = kind === 'bar' && points.length > mostAcross ? Math.max(280, points.length * 22 + 40) : undefined;
  return <div ref={box} className="drawing" style={height ? { height } : undefined} role="img" aria-label={label} />;
}

interface Look {
  text: string;
  muted: string;
  line: string;
  font: string;
  accent: string;
  surface: string;
}

/** `width`: in pixels; what stands beside the rings of a wide chart stands below those of a narrow one. */
function optionOf(kind: Props['kind'], points: Point[], measure: string, look: Look, width: number): EChartsCoreOption {
  const textStyle = { fontFamily: look.font, color: look.text };
  const still = window.matchMedia('(prefers-reduced-motion: reduce)').matches;
  // Rich text is drawn, not made of HTML: labels of records stay text.
  const tooltip = { renderMode: 'richText' as const, confine: true, textStyle, formatter: (at: { dataIndex: number } | { dataIndex: number }[]) => {
    const point = points[(Array.isArray(at) ? at[0]?.dataIndex : at.dataIndex) ?? 0];
    return point ? `${point.label}\n${measure}  ${point.text}` : '';
  } };
  const base = { animation: !still, animationDuration: 300, textStyle, tooltip };
  if (kind === 'pie') {
    const narrow = width > 0 && width < 460;
    const total = points.reduce((sum, point) => sum + point.value, 0);
    return {
      ...base,
      color: palette,
      legend: { ...(narrow ? { type: points.length > 12 ? 'scroll' : 'plain', left: 'center', bottom: 0 } : { type: 'scroll', orient: 'vertical', right: 8, top: 'middle' }), itemWidth: 10, itemHeight: 10, textStyle: { color: look.text, fontSize: 12 } },
      series: [{
        type: 'pie', radius: narrow ? ['34%', '54%'] : ['48%', '74%'], center: narrow ? ['50%', '33%'] : ['36%', '50%'], itemStyle: { borderColor: look.surface, borderWidth: 2 }, label: { show: false },
        data: points.map((point) => ({ name: total > 0 ? `${point.label}  ${Math.round((point.value / total) * 100)}%` : point.label, value: point.value, ...(point.color ? { itemStyle: { color: point.color } } : {}) })),
      }],
    };
  }
  // Many or long names are read better from top to bottom; those of times are left out where there is no room.
  const times = points.every((point) => /^(\d{4}(-.*)?)?$/.test(point.key));
  const across = width > 0 ? (width - 64) / Math.max(1, points.length) : 90;
  const sideways = kind === 'bar' && (points.length > mostAcross || (!times && across < 56));
  const names = { type: 'category' as const, data: points.map((point) => point.label), axisTick: { show: false }, axisLine: { lineStyle: { color: look.line } }, axisLabel: { color: look.muted, ...(kind === 'line' || (times && !sideways) ? { hideOverlap: true } : sideways ? { interval: 0, width: 120, overflow: 'truncate' as const } : { interval: 0, width: Math.min(84, Math.floor(across) - 6), overflow: 'break' as const }) }, ...(sideways ? { inverse: true } : {}) };
  const values = { type: 'value' as const, minInterval: points.every((point) => Number.isInteger(point.value)) ? 1 : undefined, axisLabel: { color: look.muted, hideOverlap: true }, splitLine: { lineStyle: { color: look.line } } };
  return {
    ...base,
    color: [look.accent],
    tooltip: { ...tooltip, trigger: 'axis', axisPointer: { type: kind === 'line' ? 'line' : 'shadow' } },
    grid: { left: 12, right: 20, top: 16, bottom: 8, outerBoundsMode: 'same', outerBoundsContain: 'axisLabel' },
    xAxis: sideways ? values : names,
    yAxis: sideways ? names : values,
    series: [
      kind === 'line'
        ? { type: 'line', data: points.map((point) => point.value), smooth: false, symbolSize: points.length > 40 ? 0 : 6, lineStyle: { width: 2 }, areaStyle: { opacity: 0.08 } }
        : { type: 'bar', barMaxWidth: 40, itemStyle: { borderRadius: sideways ? [0, 3, 3, 0] : [3, 3, 0, 0] }, data: points.map((point) => ({ value: point.value, ...(point.color ? { itemStyle: { color: point.color } } : {}) })) },
    ],
  };
}
