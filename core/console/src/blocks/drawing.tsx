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
    chart.setOption(optionOf(kind, points, measure, { text: token.colorText, muted: token.colorTextTertiary, line: token.colorBorderSecondary, font: token.fontFamily, accent: token.colorPrimary, surface: token.colorBgContainer }));
    chart.on('click', ({ dataIndex }) => opened(dataIndex));
    const observer = new ResizeObserver(() => chart.resize());
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

function optionOf(kind: Props['kind'], points: Point[], measure: string, look: Look): EChartsCoreOption {
  const textStyle = { fontFamily: look.font, color: look.text };
  const still = window.matchMedia('(prefers-reduced-motion: reduce)').matches;
  // Rich text is drawn, not made of HTML: labels of records stay text.
  const tooltip = { renderMode: 'richText' as const, confine: true, textStyle, formatter: (at: { dataIndex: number } | { dataIndex: number }[]) => {
    const point = points[(Array.isArray(at) ? at[0]?.dataIndex : at.dataIndex) ?? 0];
    return point ? `${point.label}\n${measure}  ${point.text}` : '';
  } };
  const base = { animation: !still, animationDuration: 300, textStyle, tooltip };
  if (kind === 'pie') {
    const total = points.reduce((sum, point) => sum + point.value, 0);
    return {
      ...base,
      color: palette,
      legend: { type: 'scroll', orient: 'vertical', right: 8, top: 'middle', itemWidth: 10, itemHeight: 10, textStyle: { color: look.text, fontSize: 12 } },
      series: [{
        type: 'pie', radius: ['48%', '74%'], center: ['36%', '50%'], itemStyle: { borderColor: look.surface, borderWidth: 2 }, label: { show: false },
        data: points.map((point) => ({ name: total > 0 ? `${point.label}  ${Math.round((point.value / total) * 100)}%` : point.label, value: point.value, ...(point.color ? { itemStyle: { color: point.color } } : {}) })),
      }],
    };
  }
  // Many long names are read better from top to bottom.
  const sideways = kind === 'bar' && points.length > mostAcross;
  const names = { type: 'category' as const, data: points.map((point) => point.label), axisTick: { show: false }, axisLine: { lineStyle: { color: look.line } }, axisLabel: { color: look.muted, ...(kind === 'line' ? { hideOverlap: true } : sideways ? { interval: 0, width: 120, overflow: 'truncate' as const } : { interval: 0, width: 84, overflow: 'break' as const }) }, ...(sideways ? { inverse: true } : {}) };
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
