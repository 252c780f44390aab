import DownloadOutlined from '@ant-design/icons/es/icons/DownloadOutlined';
import { App, Button, Checkbox, Modal, Progress, Radio } from 'antd';
import { useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Entity } from '../api/types';
import { formatBytes } from '../format';
import { saveFile } from '../save_file';
import { useApi, useLanguage } from '../services';
import { useSession } from '../session';
import { useErrorText } from '../use_error_text';

const formats = ['xlsx', 'csv', 'jsonl'] as const;

interface Props {
  entity: Entity;
  /** What the list shows now. */
  query: { view: string | undefined; filter: string | undefined; sort: string | undefined; q: string | undefined };
  columns: string[];
  /** For people: how many records that are. */
  total: string | undefined;
}

/** The records of the list as a file, all pages of them. */
export default function ExportMenu({ entity, query, columns, total }: Props) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button icon={<DownloadOutlined aria-hidden />} aria-haspopup="dialog" onClick={() => setOpen(true)}>
        {t('export.title')}
      </Button>
      {open && <ExportDialog entity={entity} query={query} columns={columns} total={total} onClose={() => setOpen(false)} />}
    </>
  );
}

function ExportDialog({ entity, query, columns, total, onClose }: Props & { onClose: () => void }) {
  const { t } = useTranslation();
  const api = useApi();
  const { locale } = useSession();
  const { language } = useLanguage();
  const { message } = App.useApp();
  const errorText = useErrorText();
  const [format, setFormat] = useState<(typeof formats)[number]>('xlsx');
  const [shown, setShown] = useState(true);
  const [plain, setPlain] = useState(false);
  /** Bytes that have come, and how many there are; null: the server is still writing the file. */
  const [progress, setProgress] = useState<{ done: number; all: number | undefined } | null>(null);
  const [problem, setProblem] = useState('');
  const [running, setRunning] = useState(false);
  const stop = useRef<AbortController | null>(null);

  const run = async () => {
    const control = new AbortController();
    stop.current = control;
    setRunning(true);
    setProblem('');
    setProgress(null);
    try {
      const file = await api.file('/export/{entity}', {
        path: { entity: entity.name },
        query: { ...query, format, fields: shown ? columns.join(',') : undefined, labels: plain ? '0' : '1', locale: language },
        signal: control.signal,
        onProgress: (done, all) => setProgress({ done, all }),
      });
      saveFile(file.blob, file.name ?? `${entity.name}.${format}`);
      const rows = Number(file.headers.get('Caravan-Rows') ?? Number.NaN);
      void message.success(Number.isNaN(rows) ? t('export.done') : t('export.doneRows', { count: rows }));
      onClose();
    } catch (error) {
      if (!control.signal.aborted) setProblem(errorText(error));
    } finally {
      setRunning(false);
    }
  };
  const close = () => {
    stop.current?.abort();
    onClose();
  };
  return (
    <Modal
      open
      title={t('export.heading', { entity: entity.plural || entity.label })}
      okText={t('export.run')}
      cancelText={running ? t('export.stop') : t('form.cancel')}
      okButtonProps={{ loading: running }}
      onOk={() => void run()}
      onCancel={close}
      mask={{ closable: !running }}
    >
      <div className="export-form">
        <p className="muted">{total ? t('export.what', { total }) : t('export.whatAll')}</p>
        <div role="group" aria-labelledby="export-format">
          <strong id="export-format">{t('export.format')}</strong>
          <Radio.Group value={format} disabled={running} onChange={(event) => setFormat(event.target.value as (typeof formats)[number])} options={formats.map((one) => ({ value: one, label: t(`export.format_${one}`) }))} vertical />
        </div>
        <div role="group" aria-labelledby="export-fields">
          <strong id="export-fields">{t('export.fields')}</strong>
          <Radio.Group value={shown} disabled={running} onChange={(event) => setShown(event.target.value === true)} options={[{ value: true, label: t('export.fieldsShown', { count: columns.length }) }, { value: false, label: t('export.fieldsAll') }]} vertical />
        </div>
        <Checkbox checked={plain} disabled={running} onChange={(event) => setPlain(event.target.checked)}>
          {t('export.plain')}
        </Checkbox>
        {running && (
          <div role="status" className="export-progress">
            {progress === null ? (
              <span>{t('export.making')}</span>
            ) : progress.all ? (
              <Progress percent={Math.floor((100 * progress.done) / progress.all)} aria-label={t('export.loading')} />
            ) : (
              <span>{t('export.loaded', { size: formatBytes(progress.done, locale.locale) })}</span>
            )}
          </div>
        )}
        {problem && <p role="alert" className="approval-problem">{problem}</p>}
      </div>
    </Modal>
  );
}
