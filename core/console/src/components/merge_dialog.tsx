import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Alert, App, Button, Input, Modal, Radio, Skeleton } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { components } from '../api/schema';
import type { Entity, RecordData } from '../api/types';
import { fieldOf, titleOf } from '../model';
import { fetchRecord } from '../record_queries';
import { useApi, useLanguage } from '../services';
import { useErrorText } from '../use_error_text';
import { useValueText } from './field_value';
import { LoadError } from './load_state';

type Preview = components['schemas']['MergePreview'];
type Keep = Preview['fields'][number]['keep'];

interface Brief {
  id: string;
  title: string;
}

interface Props {
  entity: Entity;
  /** Two or more; one of them stays, the others go into it one after the other. */
  records: readonly Brief[];
  onClose: () => void;
  /** The record that stayed, once all are one. */
  onDone: (survivor: string) => void;
}

/** Makes one record of several: which stays, whose value each field keeps, what moves. */
export default function MergeDialog({ entity, records, onClose, onDone }: Props) {
  const { t } = useTranslation();
  const [survivor, setSurvivor] = useState(records[0]!.id);
  const [merged, setMerged] = useState<readonly string[]>([]);
  const left = records.filter((one) => one.id !== survivor && !merged.includes(one.id));
  const other = left[0];
  const kept = records.find((one) => one.id === survivor)!;
  const begun = merged.length > 0;
  return (
    <Modal open width={860} title={t('merge.title', { count: records.length })} footer={null} onCancel={() => (begun ? onDone(survivor) : onClose())} mask={{ closable: false }}>
      <div className="merge-survivor" role="group" aria-labelledby="merge-survivor">
        <strong id="merge-survivor">{t('merge.survivor')}</strong>
        <Radio.Group value={survivor} disabled={begun} onChange={(event) => setSurvivor(String(event.target.value))} options={records.map((one) => ({ value: one.id, label: one.title }))} />
      </div>
      {other && (
        <Pair
          key={`${survivor}/${other.id}`}
          entity={entity}
          mine={kept}
          theirs={other}
          step={records.length > 2 ? t('merge.step', { at: merged.length + 1, count: records.length - 1 }) : undefined}
          onCancel={() => (begun ? onDone(survivor) : onClose())}
          onMerged={() => {
            if (left.length === 1) onDone(survivor);
            else setMerged([...merged, other.id]);
          }}
        />
      )}
    </Modal>
  );
}

interface PairProps {
  entity: Entity;
  mine: Brief;
  theirs: Brief;
  step: string | undefined;
  onCancel: () => void;
  onMerged: () => void;
}

function Pair({ entity, mine, theirs, step, onCancel, onMerged }: PairProps) {
  const { t } = useTranslation();
  const api = useApi();
  const queries = useQueryClient();
  const { language } = useLanguage();
  const { message } = App.useApp();
  const errorText = useErrorText();
  const valueText = useValueText();
  const [chosen, setChosen] = useState<Record<string, Keep>>({});
  const [all, setAll] = useState(false);
  const [note, setNote] = useState('');
  const [saving, setSaving] = useState(false);
  const [problem, setProblem] = useState('');
  const preview = useQuery({
    queryKey: ['merge', entity.name, mine.id, theirs.id, language],
    queryFn: async ({ signal }) => {
      const [plan, ...records] = await Promise.all([
        api.get('/records/{entity}/{id}/merge', { path: { entity: entity.name, id: mine.id }, query: { other: theirs.id }, signal }),
        // With the titles of what they refer to.
        fetchRecord(api, entity, mine.id, signal),
        fetchRecord(api, entity, theirs.id, signal),
      ]);
      return { plan, records: { mine: records[0]!, theirs: records[1]! } };
    },
    gcTime: 0,
    staleTime: 0,
    refetchOnWindowFocus: false,
  });

  const merge = async (loaded: { plan: Preview; records: Record<'mine' | 'theirs', RecordData> }) => {
    setSaving(true);
    setProblem('');
    try {
      await api.post(
        '/records/{entity}/{id}/merge',
        { other: theirs.id, other_version: loaded.records.theirs.version, fields: chosen, ...(note.trim() ? { note: note.trim() } : {}) },
        { path: { entity: entity.name, id: mine.id }, version: loaded.records.mine.version },
      );
      void message.success(t('merge.done', { title: titleOf(entity, loaded.records.theirs) }));
      // What referred to the other one now refers to this one, in lists of any entity.
      for (const kind of ['list', 'record', 'timeline', 'merges', 'attachments', 'options', 'duplicates']) void queries.invalidateQueries({ queryKey: [kind] });
      onMerged();
    } catch (error) {
      setProblem(errorText(error));
      setSaving(false);
      void preview.refetch();
    }
  };

  if (preview.isError && !preview.data) return <LoadError error={preview.error} onRetry={() => void preview.refetch()} />;
  if (!preview.data) return <Skeleton active paragraph={{ rows: 6 }} />;
  const { plan, records } = preview.data;
  const rows = plan.fields.filter((one) => all || one.differs);
  const equal = plan.fields.length - plan.fields.filter((one) => one.differs).length;
  const text = (name: string, side: 'mine' | 'theirs') => {
    const field = fieldOf(entity, name);
    return (field && valueText(entity, field, records[side])) || t('timeline.empty');
  };
  return (
    <>
      {step && <p className="muted">{step}</p>}
      <div className="table-scroll">
        <table className="conflict merge">
          <thead>
            <tr>
              <th scope="col">{t('conflict.field')}</th>
              <th scope="col">{titleOf(entity, records.mine)} <span className="muted">{t('merge.stays')}</span></th>
              <th scope="col">{titleOf(entity, records.theirs)} <span className="muted">{t('merge.goes')}</span></th>
            </tr>
          </thead>
          <tbody>
            {rows.map(({ field, label, keep, differs, settable }) => {
              const now = chosen[field] ?? keep;
              const both = keep === 'both';
              return (
                <tr key={field}>
                  <th scope="row">{label}</th>
                  {(['mine', 'theirs'] as const).map((side) => (
                    <td key={side}>
                      {differs && settable ? (
                        <Radio name={`merge-${field}`} checked={now === side} onChange={() => setChosen({ ...chosen, [field]: side })} aria-label={`${label}${t('value.colon')}${text(field, side)}`}>
                          <span className="multiline">{text(field, side)}</span>
                        </Radio>
                      ) : (
                        <span className="multiline muted">{text(field, side)}</span>
                      )}
                      {differs && settable && both && side === 'theirs' && (
                        <Radio name={`merge-${field}`} checked={now === 'both'} onChange={() => setChosen({ ...chosen, [field]: 'both' })} aria-label={`${label}${t('value.colon')}${t('merge.both')}`}>
                          {t('merge.both')}
                        </Radio>
                      )}
                    </td>
                  ))}
                </tr>
              );
            })}
            {rows.length === 0 && (
              <tr><td colSpan={3} className="muted">{t('merge.same')}</td></tr>
            )}
          </tbody>
        </table>
      </div>
      {equal > 0 && (
        <Button type="link" size="small" onClick={() => setAll(!all)} aria-expanded={all}>
          {all ? t('merge.hideEqual') : t('merge.showEqual', { count: equal })}
        </Button>
      )}
      <h3 className="drawer-head">{t('merge.moves')}</h3>
      {plan.references.length === 0 ? (
        <p className="muted">{t('merge.movesNothing')}</p>
      ) : (
        <ul className="plain-list">
          {plan.references.map((one) => (
            <li key={`${one.entity}.${one.field}`}>{t('merge.move', { count: one.count, entity: one.entity_label, field: one.field_label })}</li>
          ))}
        </ul>
      )}
      <Input className="merge-note" value={note} maxLength={500} placeholder={t('merge.note')} aria-label={t('merge.note')} onChange={(event) => setNote(event.target.value)} />
      {problem && <Alert type="error" showIcon role="alert" title={problem} />}
      <p className="muted">{t('merge.undoable')}</p>
      <div className="form-actions">
        <Button onClick={onCancel}>{t('form.cancel')}</Button>
        <Button type="primary" loading={saving} onClick={() => void merge(preview.data)}>
          {t('merge.run')}
        </Button>
      </div>
    </>
  );
}
