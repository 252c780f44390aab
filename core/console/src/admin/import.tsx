import UploadOutlined from '@ant-design/icons/es/icons/UploadOutlined';
import { useQuery } from '@tanstack/react-query';
import { Alert, Button, Input, Progress, Select, Steps, Table } from 'antd';
import { useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useSearchParams } from 'react-router';
import type { components } from '../api/schema';
import type { Entity } from '../api/types';
import { LoadError } from '../components/load_state';
import { formatBytes } from '../format';
import { listPath } from '../paths';
import { usePinyinFilter } from '../pinyin';
import { useApi, useLanguage } from '../services';
import { useSession } from '../session';
import { useErrorText } from '../use_error_text';
import { Findings, findingsOf, type Finding } from './findings';
import { columnsOf, guess, importable, printMap, sourceOf, toCsv, type Mapping } from './import_map';
import { bytesOf, mostUnpacked, unpackedSize } from './packed';
import { AdminPage } from './parts';
import { ApiError } from '../api/client';

type Report = components['schemas']['ImportReport'];
type Run = components['schemas']['ImportRun'];

/** So much of a file is looked at for its columns, in bytes. */
const looked = 65_536;
/** How a row's map is chosen: one of the definitions, or columns by hand. */
const byHand = '';

/** Takes a spreadsheet in: choose it, say what its columns are, try it, run it, mend what was refused. */
export default function ImportPage() {
  const { t } = useTranslation();
  const api = useApi();
  const { model, locale } = useSession();
  const { language } = useLanguage();
  const errorText = useErrorText();
  const pinyin = usePinyinFilter();
  const input = useRef<HTMLInputElement>(null);
  // A run goes on without the page, so its address leads back to it.
  const [params, setParams] = useSearchParams();
  const run = /^\d+$/.test(params.get('run') ?? '') ? params.get('run') : null;
  const [chosenStep, setStep] = useState(0);
  const step = run ? 3 : chosenStep;
  const [name, setName] = useState<string | null>(params.get('entity'));
  const [file, setFile] = useState<File | null>(null);
  const [columns, setColumns] = useState<string[]>([]);
  const [chosenMap, setChosenMap] = useState(byHand);
  const [mapping, setMapping] = useState<Mapping>({ source: params.get('source') ?? '', key: undefined, fields: {} });
  const [report, setReport] = useState<Report | null>(null);
  const [working, setWorking] = useState(false);
  const [problem, setProblem] = useState<{ text: string; findings: Finding[] } | null>(null);
  const entities = Object.values(model.entities).filter((entity) => entity.rights.create && importable(entity).length > 0);
  const entity = entities.find((one) => one.name === name);
  const maps = useQuery({
    queryKey: ['import maps', name, language],
    queryFn: ({ signal }) => api.get('/import/{entity}', { path: { entity: name ?? '' }, signal }),
    enabled: name !== null,
  });

  const failed = (error: unknown) => {
    if (error instanceof ApiError && error.status === 401) return;
    setProblem({ text: errorText(error), findings: error instanceof ApiError ? findingsOf(error.errors) : [] });
  };
  const take = async (chosen: File | undefined) => {
    if (!chosen || !entity) return;
    setProblem(null);
    setReport(null);
    try {
      let taken = chosen;
      if (/\.xlsx$/i.test(chosen.name)) {
        if (((await unpackedSize(chosen)) ?? 0) > mostUnpacked) {
          setProblem({ text: t('import.tooLarge', { size: formatBytes(mostUnpacked, locale.locale) }), findings: [] });
          return;
        }
        const { default: read } = await import('read-excel-file/browser');
        const sheets = (await read(chosen)) as unknown;
        taken = new File([toCsv(rowsOf(sheets), locale.timeZone)], chosen.name.replace(/\.xlsx$/i, '.csv'), { type: 'text/csv' });
      }
      const found = columnsOf(await decoded(taken.slice(0, looked)));
      setFile(taken);
      setColumns(found);
      setMapping((now) => ({ source: sourceOf(chosen.name, found, undefined, now.source), key: undefined, fields: guess(entity, found) }));
      setStep(1);
    } catch {
      setProblem({ text: t('import.unreadable'), findings: [] });
    }
  };
  const send = async <T,>(options: { dry: boolean }): Promise<T | undefined> => {
    if (!entity || !file) return undefined;
    setWorking(true);
    setProblem(null);
    const form = new FormData();
    if (chosenMap === byHand) form.append('map', new File([printMap(model, entity, mapping)], 'map.yaml', { type: 'application/yaml' }));
    form.append('file', file, file.name);
    const query = { ...(options.dry ? { dry_run: '1' } : { job: '1' }), ...(chosenMap === byHand ? {} : { map: chosenMap }) };
    try {
      return (await api.upload('/import/{entity}', form, { path: { entity: entity.name }, query: query as never })) as unknown as T;
    } catch (error) {
      failed(error);
      return undefined;
    } finally {
      setWorking(false);
    }
  };
  const preview = async () => {
    const answer = await send<Report>({ dry: true });
    if (!answer) return;
    setReport(answer);
    setStep(2);
  };
  const start = async () => {
    const answer = await send<{ id: string }>({ dry: false });
    if (!answer) return;
    setParams({ entity: entity!.name, run: answer.id, ...(chosenMap === byHand && mapping.key === undefined ? { source: mapping.source } : {}) });
  };
  const again = () => {
    setStep(0);
    setFile(null);
    setReport(null);
    setParams({});
    setProblem(null);
  };
  return (
    <AdminPage title={t('import.title')}>
      <Steps className="section" current={step} size="small" items={[t('import.choose'), t('import.map'), t('import.preview'), t('import.run')].map((title) => ({ title }))} />
      {problem && <Alert type="error" showIcon role="alert" className="section" title={problem.text} description={<Findings items={problem.findings} grave />} />}
      <div className="panel section-body">
        {step === 0 && (
          <>
            <p>{t('import.chooseText')}</p>
            <div className="inline-form">
              <Select
                className="wide-select"
                aria-label={t('audit.entity')}
                placeholder={t('audit.entity')}
                showSearch={{ filterOption: pinyin }}
                value={name}
                options={entities.map((one) => ({ value: one.name, label: one.label }))}
                onChange={(next: string) => {
                  setName(next);
                  setChosenMap(byHand);
                }}
              />
              <input ref={input} type="file" hidden aria-hidden tabIndex={-1} accept=".csv,.tsv,.txt,.jsonl,.xlsx" onChange={(event) => { void take(event.target.files?.[0]); event.target.value = ''; }} />
              <Button type="primary" icon={<UploadOutlined aria-hidden />} disabled={!entity} onClick={() => input.current?.click()}>
                {t('import.file')}
              </Button>
            </div>
          </>
        )}
        {step === 1 && entity && file && (
          <>
            <p>
              {file.name} · {formatBytes(file.size, locale.locale)} · {t('import.columns', { count: columns.length })}
            </p>
            {(maps.data?.items.length ?? 0) > 0 && (
              <div className="inline-form">
                <Select
                  className="wide-select"
                  aria-label={t('import.whichMap')}
                  value={chosenMap}
                  onChange={setChosenMap}
                  options={[{ value: byHand, label: t('import.byHand') }, ...(maps.data?.items ?? []).map((one) => ({ value: one.name, label: one.label || one.name }))]}
                />
              </div>
            )}
            {chosenMap === byHand && <Columns entity={entity} columns={columns} mapping={mapping} onChange={setMapping} onKey={(key) => setMapping({ ...mapping, key, source: sourceOf(file.name, columns, key, undefined) })} />}
            <div className="row-actions">
              <Button onClick={again}>{t('import.back')}</Button>
              <Button type="primary" loading={working} disabled={chosenMap === byHand && (Object.keys(mapping.fields).length === 0 || !mapping.source.trim())} onClick={() => void preview()}>{t('import.try')}</Button>
            </div>
          </>
        )}
        {step === 2 && report && (
          <>
            <Counts report={report} />
            {chosenMap === byHand && mapping.key === undefined && report.updated > 0 && (
              <Alert type="warning" showIcon role="alert" className="section" title={t('import.overwrites', { count: report.updated, source: mapping.source })} />
            )}
            <Mistakes errors={report.errors} />
            <div className="row-actions">
              <Button onClick={() => setStep(1)}>{t('import.back')}</Button>
              <Button type="primary" loading={working} disabled={report.created + report.updated + report.unchanged === 0} onClick={() => void start()}>{t('import.start')}</Button>
            </div>
          </>
        )}
        {step === 3 && run && entity && <Running id={run} entity={entity} onAgain={again} />}
      </div>
    </AdminPage>
  );
}

/** The rows of the first sheet, in either of the library's shapes. */
function rowsOf(sheets: unknown): unknown[][] {
  const all = Array.isArray(sheets) ? (sheets as unknown[]) : [];
  const [first] = all;
  if (first !== null && typeof first === 'object' && !Array.isArray(first) && 'data' in first) return (first as { data: unknown[][] }).data;
  return all as unknown[][];
}

/** Text of the beginning of a file, whose encoding is UTF-8 or, where it is not, most often GB18030. */
async function decoded(part: Blob): Promise<string> {
  const bytes = await bytesOf(part);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true });
  } catch {
    return new TextDecoder('gb18030').decode(bytes);
  }
}

function Columns({ entity, columns, mapping, onChange, onKey }: { entity: Entity; columns: string[]; mapping: Mapping; onChange: (mapping: Mapping) => void; onKey: (key: string | undefined) => void }) {
  const { t } = useTranslation();
  const pinyin = usePinyinFilter();
  const fields = importable(entity);
  const used = new Set(Object.values(mapping.fields));
  const missing = fields.filter((field) => field.required && field.default === null && !used.has(field.name));
  const put = (column: string, field: string | undefined) => {
    const { [column]: _, ...others } = mapping.fields;
    onChange({ ...mapping, fields: field ? { ...others, [column]: field } : others });
  };
  return (
    <>
      <div className="inline-form">
        <label className="parameter">
          <span>{t('import.source')}</span>
          <Input className="filter" value={mapping.source} maxLength={60} onChange={(event) => onChange({ ...mapping, source: event.target.value })} />
        </label>
        <label className="parameter">
          <span>{t('import.key')}</span>
          <Select className="wide-select" allowClear placeholder={t('import.rowNumber')} value={mapping.key ?? null} options={columns.map((one) => ({ value: one, label: one }))} onChange={(key: string | undefined) => onKey(key ?? undefined)} />
        </label>
      </div>
      <div className="table-scroll">
        <table className="conflict">
          <thead>
            <tr>
              <th scope="col">{t('import.column')}</th>
              <th scope="col">{t('filter.field')}</th>
            </tr>
          </thead>
          <tbody>
            {columns.map((column) => (
              <tr key={column}>
                <th scope="row">{column}</th>
                <td>
                  <Select
                    className="wide-select"
                    allowClear
                    aria-label={t('import.fieldOf', { column })}
                    placeholder={t('import.leftOut')}
                    showSearch={{ filterOption: pinyin }}
                    value={mapping.fields[column] ?? null}
                    options={fields.filter((field) => mapping.fields[column] === field.name || !used.has(field.name)).map((field) => ({ value: field.name, label: field.label }))}
                    onChange={(field: string | undefined) => put(column, field)}
                  />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {missing.length > 0 && <p className="count-failed">{t('import.missing', { names: missing.map((field) => field.label).join(t('approval.and')) })}</p>}
    </>
  );
}

function Counts({ report }: { report: Pick<Report, 'rows' | 'created' | 'updated' | 'unchanged' | 'failed' | 'notes' | 'encoding'> }) {
  const { t } = useTranslation();
  return (
    <>
      <p role="status">
        {t('import.counts', { rows: report.rows, created: report.created, updated: report.updated, unchanged: report.unchanged })}{' '}
        <span className={report.failed > 0 ? 'count-failed' : undefined}>{t('import.failed', { count: report.failed })}</span>
      </p>
      {Object.keys(report.notes).length > 0 && <ul className="plain-list">{Object.entries(report.notes).map(([note, count]) => <li key={note}>{note}{t('value.colon')}{count}</li>)}</ul>}
    </>
  );
}

function Mistakes({ errors }: { errors: Report['errors'] }) {
  const { t } = useTranslation();
  if (errors.length === 0) return null;
  return (
    <Table
      size="small"
      className="plain-rows section"
      aria-label={t('import.mistakes')}
      rowKey={(one) => `${one.row}/${one.column}/${one.message}`}
      pagination={{ pageSize: 20, hideOnSinglePage: true }}
      scroll={{ x: 'max-content' }}
      dataSource={errors}
      columns={[
        { title: t('import.row'), className: 'cell-number', dataIndex: 'row' },
        { title: t('import.column'), dataIndex: 'column' },
        { title: t('import.why'), dataIndex: 'message' },
      ]}
    />
  );
}

function Running({ id, entity, onAgain }: { id: string; entity: Entity; onAgain: () => void }) {
  const { t } = useTranslation();
  const api = useApi();
  const ended = (run: Run | undefined) => run?.state === 'done' || run?.state === 'failed';
  const run = useQuery({
    queryKey: ['import', id],
    queryFn: ({ signal }) => api.get('/imports/{import}', { path: { import: id }, signal }),
    refetchInterval: (query) => (ended(query.state.data) ? false : 1000),
  });
  if (run.isError && !run.data) return <LoadError error={run.error} onRetry={() => void run.refetch()} />;
  const data = run.data;
  const percent = data && data.rows > 0 ? Math.round((100 * data.done) / data.rows) : undefined;
  return (
    <>
      {!ended(data) && (
        <div role="status" className="section">
          {t('import.running', { done: data?.done ?? 0 })}
          <Progress percent={percent ?? 100} status="active" showInfo={percent !== undefined} aria-label={t('import.run')} />
        </div>
      )}
      {data?.state === 'failed' && <Alert type="error" showIcon role="alert" className="section" title={data.message ?? t('error.unknown')} />}
      {data && ended(data) && <Counts report={data} />}
      {data?.errors && <Mistakes errors={data.errors} />}
      {data && ended(data) && (
        <div className="row-actions">
          {data.failed > 0 && <Button href={`/api/v1/imports/${encodeURIComponent(id)}/errors`}>{t('import.errorFile')}</Button>}
          <Link to={listPath(entity.name)}>{entity.plural || entity.label}</Link>
          <Button onClick={onAgain}>{t('import.again')}</Button>
        </div>
      )}
    </>
  );
}
