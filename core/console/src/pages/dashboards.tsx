import DownloadOutlined from '@ant-design/icons/es/icons/DownloadOutlined';
import PrinterOutlined from '@ant-design/icons/es/icons/PrinterOutlined';
import { useQuery } from '@tanstack/react-query';
import { Button, Empty, Input, Segmented, Select, Skeleton } from 'antd';
import { lazy, Suspense, useMemo, useState, type CSSProperties } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useNavigate, useSearchParams } from 'react-router';
import type { components } from '../api/schema';
import type { Point } from '../blocks/chart_data';
import { LoadError } from '../components/load_state';
import { PageHead } from '../components/page_head';
import { RefSelect } from '../components/ref_select';
import { dotColor, formatDate, formatDecimal, formatInstant, formatMoney, type Locale } from '../format';
import { fieldOf, optionOf, stateOf } from '../model';
import { listPath } from '../paths';
import { useApi, useLanguage } from '../services';
import { useSession } from '../session';
import { useDashboards } from '../use_dashboards';
import { useTitle } from '../use_title';

const Drawing = lazy(() => import('../blocks/drawing'));

type Dashboard = components['schemas']['DashboardList']['items'][number];
type Tile = Dashboard['tiles'][number];
type Parameter = components['schemas']['ReportParameter'];
type Report = components['schemas']['Report'];
type Figures = components['schemas']['ReportFigures'];
type Measure = Report['measures'][number];

const periods = ['today', 'yesterday', 'this_week', 'last_week', 'this_month', 'last_month', 'this_quarter', 'last_quarter', 'this_year', 'last_year', 'last_7_days', 'last_30_days', 'last_90_days', 'last_365_days'] as const;

/** Dashboards and reports: figures with the way to the records that they are made of. */
export default function DashboardsPage() {
  const { t } = useTranslation();
  const { model } = useSession();
  const api = useApi();
  const { language } = useLanguage();
  const [params, setParams] = useSearchParams();
  const list = useDashboards();
  const reports = useQuery({ queryKey: ['reports', language, model.hash], queryFn: ({ signal }) => api.get('/reports', { signal }), staleTime: 300_000 });
  const report = reports.data?.items.find((one) => one.name === params.get('report'));
  const board = report ? undefined : (list.data?.items.find((one) => one.name === params.get('name')) ?? list.data?.items[0]);
  // A report stands alone as a dashboard of one tile.
  const shown: Dashboard | undefined = report
    ? { name: report.name, label: report.label, icon: null, tiles: [{ name: report.name, report: report.name, label: report.label, chart: report.chart, width: 24, measures: [], given: {}, parameters: report.parameters }] }
    : board;
  useTitle(shown?.label ?? t('reports.title'), model.agency.name);
  const parameters = useMemo(() => [...new Map((shown?.tiles ?? []).flatMap((tile) => tile.parameters.filter((one) => !(one.name in tile.given)).map((one) => [one.name, one] as const))).values()], [shown]);
  const chosen = Object.fromEntries(parameters.flatMap((one) => (params.get(`p.${one.name}`) ? [[one.name, params.get(`p.${one.name}`)!]] : [])));
  const put = (name: string, value: string) =>
    setParams((now) => {
      const next = new URLSearchParams(now);
      if (value) next.set(name, value);
      else next.delete(name);
      return next;
    });
  if (list.isError) return <LoadError error={list.error} onRetry={() => void list.refetch()} />;
  const options = [
    { label: t('reports.dashboards'), options: (list.data?.items ?? []).map((one) => ({ value: `name=${one.name}`, label: one.label })) },
    { label: t('reports.reports'), options: (reports.data?.items ?? []).map((one) => ({ value: `report=${one.name}`, label: one.label })) },
  ].filter((group) => group.options.length > 0);
  return (
    <div className="page dashboard">
      <PageHead
        title={shown?.label ?? t('reports.title')}
        actions={
          <>
            {options.length > 0 && (
              <Select
                className="wide-select"
                aria-label={t('reports.choose')}
                value={report ? `report=${report.name}` : board ? `name=${board.name}` : null}
                options={options}
                showSearch={{ optionFilterProp: 'label' }}
                onChange={(value: string | null) => setParams(new URLSearchParams(value ?? ''))}
              />
            )}
            <Button icon={<PrinterOutlined aria-hidden />} onClick={() => window.print()}>{t('reports.print')}</Button>
          </>
        }
      />
      {!list.data ? <Skeleton active /> : !shown ? <Empty description={t('reports.none')} /> : (
        <>
          {parameters.length > 0 && (
            <div className="panel toolbar parameters" role="search">
              {parameters.map((one) => <ParameterInput key={`${shown.name}.${one.name}`} parameter={one} value={chosen[one.name] ?? ''} onChange={(value) => put(`p.${one.name}`, value)} />)}
            </div>
          )}
          <div className="blocks">
            {shown.tiles.map((tile) => (
              <section key={`${shown.name}.${tile.name}`} className="panel block" style={{ '--width': tile.width } as CSSProperties}>
                <TileBody tile={tile} chosen={chosen} />
              </section>
            ))}
          </div>
        </>
      )}
    </div>
  );
}

function ParameterInput({ parameter, value, onChange }: { parameter: Parameter; value: string; onChange: (value: string) => void }) {
  const { t } = useTranslation();
  const { model } = useSession();
  const { name, label, type } = parameter;
  const fallback = parameter.default ?? undefined;
  if (type === 'period') {
    const options = periods.map((one) => ({ value: one as string, label: t(`reports.period_${one}`) }));
    return <label className="parameter"><span>{label}</span><Select className="filter" value={value || fallback || null} allowClear={!!value} options={options} onChange={(next: string | undefined) => onChange(next ?? '')} /></label>;
  }
  if (type === 'choice') {
    const options = (model.choices[parameter.choices ?? ''] ?? []).map((one) => ({ value: one.name, label: one.label }));
    return <label className="parameter"><span>{label}</span><Select className="filter" value={value || fallback || null} allowClear options={options} onChange={(next: string | undefined) => onChange(next ?? '')} /></label>;
  }
  if (type === 'bool') {
    const options = [{ value: 'true', label: t('value.yes') }, { value: 'false', label: t('value.no') }];
    return <label className="parameter"><span>{label}</span><Select className="filter" value={value || fallback || null} allowClear options={options} onChange={(next: string | undefined) => onChange(next ?? '')} /></label>;
  }
  if (type === 'ref' && parameter.to) {
    return <label className="parameter"><span>{label}</span><RefSelect className="filter" to={parameter.to} value={value || null} allowClear onChange={(next) => onChange(typeof next === 'string' ? next : '')} /></label>;
  }
  return (
    <label className="parameter">
      <span>{label}</span>
      <Input key={value} className="filter" defaultValue={value} placeholder={fallback ?? (type === 'date' ? '2026-12-31' : '')} name={name} onBlur={(event) => event.target.value !== value && onChange(event.target.value)} onPressEnter={(event) => onChange(event.currentTarget.value)} />
    </label>
  );
}

/** The exact text of a figure, and a number for drawing it. */
function figureOf(measure: Measure, figure: Figures['measures'][string] | undefined, locale: Locale): { text: string; number: number } {
  const value = figure?.value;
  if (value === null || value === undefined) return { text: '', number: 0 };
  if (Array.isArray(value)) {
    const amounts = value as { currency: string; amount: string }[];
    const own = amounts.find((one) => one.currency === locale.currency) ?? amounts[0];
    return { text: amounts.map((one) => formatMoney(twoPlaces(one.amount), one.currency, locale.locale)).join(' + '), number: Number(own?.amount ?? 0) };
  }
  const text = String(value);
  if (measure.type === 'date') return { text: formatDate(text, locale.locale), number: Date.parse(text) };
  if (measure.type === 'instant') return { text: formatInstant(text, locale.locale, locale.timeZone), number: Date.parse(text) };
  const number = Number(text);
  if (measure.percent) return { text: new Intl.NumberFormat(locale.locale, { style: 'percent', maximumFractionDigits: 1 }).format(number), number: number * 100 };
  return { text: formatDecimal(trimmed(text), locale.locale), number };
}

/** Two decimal places at most: an average has six, which say no more. */
function trimmed(text: string): string {
  const match = /^(-?\d+)\.(\d+)$/.exec(text);
  if (!match) return text;
  const [, whole = '', fraction = ''] = match;
  const kept = fraction.slice(0, 2).replace(/0+$/, '');
  return kept ? `${whole}.${kept}` : whole;
}

/** An amount as people write it. */
const twoPlaces = (text: string) => text.replace(/^(-?\d+)(?:\.(\d*))?$/, (_, whole: string, fraction = '') => `${whole}.${String(fraction).slice(0, 2).padEnd(2, '0')}`);

function TileBody({ tile, chosen }: { tile: Tile; chosen: Record<string, string> }) {
  const { t } = useTranslation();
  const { model, locale } = useSession();
  const { language } = useLanguage();
  const api = useApi();
  const navigate = useNavigate();
  const [table, setTable] = useState(tile.chart === 'table');
  const given = { ...Object.fromEntries(tile.parameters.flatMap((one) => (chosen[one.name] ? [[one.name, chosen[one.name]!]] : []))), ...tile.given };
  const report = useQuery({
    queryKey: ['report', tile.report, given, language],
    // The parameters of a report are its own; the description names them together.
    queryFn: ({ signal }) => api.get('/reports/{report}', { path: { report: tile.report }, query: given as never, signal }),
    staleTime: 60_000,
    refetchInterval: 300_000,
  });
  const data = report.data;
  const entity = data && model.entities[data.entity];
  const measures = useMemo(() => (data ? (tile.measures.length > 0 ? data.measures.filter((one) => tile.measures.includes(one.name)) : data.measures) : []), [data, tile.measures]);
  const labelOf = (row: Report['rows'][number], group: Report['groups'][number]): string => {
    const said = row.label[group.name];
    if (said) return said;
    const value = (row.group as Record<string, unknown>)[group.name];
    if (value === null || value === undefined) return t('chart.none');
    if (typeof value === 'boolean') return t(value ? 'value.yes' : 'value.no');
    return group.type === 'date' || group.bucket ? formatDate(String(value), locale.locale) : String(value);
  };
  const records = (filter: string) => (entity ? `${listPath(entity.name)}?cel=${encodeURIComponent(filter)}` : undefined);
  const first = measures[0];
  const open = (row: Report['rows'][number] | undefined) => {
    const to = row && records((first && row.measures[first.name]?.filter) ?? row.filter);
    if (to) void navigate(to);
  };
  const points: Point[] = useMemo(() => {
    if (!data || !first) return [];
    const [group] = data.groups;
    return data.rows.map((row, index) => {
      const { text, number } = figureOf(first, row.measures[first.name], locale);
      const value = group ? (row.group as Record<string, unknown>)[group.name] : undefined;
      const color = group && entity ? (group.field === 'state' ? stateOf(entity, String(value))?.color : fieldOf(entity, group.field)?.choices ? optionOf(model, fieldOf(entity, group.field)!, value)?.color : undefined) : undefined;
      return { key: String(index), label: data.groups.map((one) => labelOf(row, one)).join(' · ') || data.label, color: color ? dotColor(color) : undefined, value: number, text };
    });
    // `labelOf` says the same for the same data.
  }, [data, first, entity, locale, model]);

  const label = tile.label || data?.label || tile.report;
  const figure = (measure: Measure, figures: Figures, linked = true) => {
    const one = figures.measures[measure.name];
    const { text } = figureOf(measure, one, locale);
    const to = linked ? records(one?.filter ?? figures.filter) : undefined;
    return text === '' ? <span className="muted">{t('value.empty')}</span> : to ? <Link to={to}>{text}</Link> : text;
  };
  if (report.isError && !data) return <LoadError error={report.error} onRetry={() => void report.refetch()} />;
  const single = tile.chart === 'number' || (data !== undefined && data.groups.length === 0);
  return (
    <>
      <div className="block-head">
        <h2>{label}</h2>
        {data && !single && tile.chart !== 'table' && (
          <Segmented<string>
            size="small"
            className="no-print"
            aria-label={`${label}${t('value.colon')}${t('chart.show')}`}
            value={table ? 'table' : 'chart'}
            options={[{ value: 'chart', label: t('chart.chart') }, { value: 'table', label: t('chart.table') }]}
            onChange={(value) => setTable(value === 'table')}
          />
        )}
        {data && !single && <Button type="text" size="small" className="no-print" icon={<DownloadOutlined aria-hidden />} aria-label={t('reports.csv', { label })} title={t('reports.csv', { label })} href={`/api/v1/reports/${encodeURIComponent(tile.report)}?${new URLSearchParams({ ...given, format: 'csv' }).toString()}`} />}
      </div>
      {!data ? (
        <Skeleton active title={false} paragraph={{ rows: 4, width: '100%' }} />
      ) : single ? (
        <div className="figures">
          {measures.map((measure) => (
            <div key={measure.name}>
              <p className="figure">{figure(measure, data.total)}</p>
              <p className="figure-note">{measure.label}</p>
            </div>
          ))}
        </div>
      ) : data.rows.length === 0 ? (
        <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t('chart.empty')} />
      ) : (
        <>
          {!table && first && (
            <div className="no-print">
              <Suspense fallback={<Skeleton active title={false} paragraph={{ rows: 6, width: '100%' }} />}>
                <Drawing kind={tile.chart === 'line' || tile.chart === 'pie' ? tile.chart : 'bar'} points={points} label={`${label}${t('value.colon')}${points.slice(0, 12).map((one) => `${one.label} ${one.text}`).join(', ')}`} measure={first.label} onOpen={(point) => open(data.rows[Number(point.key)])} />
              </Suspense>
            </div>
          )}
          {/* On paper and for screen readers there is always the table; what nobody sees has no links to stumble over. */}
          <div className={table ? 'table-scroll' : 'hidden-text print-table'}>
            <table className="conflict report-table">
              <caption className="hidden-text">{label}</caption>
              <thead>
                <tr>
                  {data.groups.map((group) => <th key={group.name} scope="col">{group.label}</th>)}
                  {measures.map((measure) => <th key={measure.name} scope="col" className="cell-number">{measure.label}</th>)}
                </tr>
              </thead>
              <tbody>
                {data.rows.map((row, index) => (
                  <tr key={index}>
                    {data.groups.map((group, at) => (at === 0 ? <th key={group.name} scope="row">{labelOf(row, group)}</th> : <td key={group.name}>{labelOf(row, group)}</td>))}
                    {measures.map((measure) => <td key={measure.name} className="cell-number">{figure(measure, row, table)}</td>)}
                  </tr>
                ))}
              </tbody>
              <tfoot>
                <tr>
                  <th scope="row" colSpan={Math.max(1, data.groups.length)}>{t('reports.total')}</th>
                  {measures.map((measure) => <td key={measure.name} className="cell-number">{figure(measure, data.total, table)}</td>)}
                </tr>
              </tfoot>
            </table>
          </div>
          {data.more && <p className="muted chart-note">{t('chart.partial', { count: data.rows.length })}</p>}
        </>
      )}
      {measures.map((measure) => measure.problem && <p key={measure.name} role="status" className="muted chart-note">{`${measure.label}${t('value.colon')}${measure.problem}`}</p>)}
    </>
  );
}
