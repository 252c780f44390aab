import { useQuery } from '@tanstack/react-query';
import { Alert, App, Form, Modal } from 'antd';
import { useEffect, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import type { Entity, Expanded, Field, FormDefinition, RecordData } from '../api/types';
import { FormProblemAlert } from '../components/form_problem';
import { formName, RecordFields } from '../components/record_fields';
import { useServerErrors } from '../components/use_server_errors';
import { formatDate } from '../format';
import { changedInput, collect, toFormValues, type FormValues, type Input } from '../form_values';
import { titleOf } from '../model';
import { recordPagePath } from '../paths';
import { useRecordChanged } from '../record_queries';
import { useApi, useUnsaved } from '../services';
import { useSession } from '../session';
import { ApiError } from '../api/client';
import { useSubmission } from '../use_submission';
import { spanOf, type Span } from './days';

export interface Neighbour {
  record: RecordData;
  span: Span;
}

interface Props {
  entity: Entity;
  record: RecordData;
  /** What may be changed: row, beginning, end. */
  fields: Field[];
  /** Where it was dropped, in the API's form; nothing where the fields are filled in by hand. */
  proposed: Input;
  /** What the row is called into which it was dropped. */
  target?: Expanded | undefined;
  /** The others that are shown. */
  neighbours: Neighbour[];
  onClose: () => void;
}

/** Shows what moving a record would mean before anything changes, and moves it. */
export default function MoveDialog({ entity, record, fields, proposed, target, neighbours, onClose }: Props) {
  const { t } = useTranslation();
  const api = useApi();
  const { locale } = useSession();
  const { message } = App.useApp();
  const changed = useRecordChanged();
  const definition: FormDefinition = useMemo(() => ({ name: '', label: '', groups: [{ name: 'place', label: '', fields: fields.map((field) => field.name) }] }), [fields]);
  const shown = useMemo<RecordData>(() => {
    const row = fields.find((field) => field.type === 'ref' && typeof proposed[field.name] === 'string');
    return row && target ? { ...record, expanded: { ...record.expanded, [row.name]: target } } : record;
  }, [record, fields, proposed, target]);
  const before = useMemo(() => collect(fields, toFormValues(fields, record, locale), locale), [fields, record, locale]);
  const begin = useMemo(() => toFormValues(fields, { ...record, ...proposed }, locale), [fields, record, proposed, locale]);
  const { form, problem, show, clear } = useServerErrors(entity, fields);
  const [input, setInput] = useState<Input>(() => changedInput(fields, before, collect(fields, begin, locale)));
  const [asked, setAsked] = useState(input);
  useEffect(() => {
    const timer = setTimeout(() => setAsked(input), 250);
    return () => clearTimeout(timer);
  }, [input]);
  const { running: saving, run } = useSubmission();
  const nothing = Object.keys(input).length === 0;
  useUnsaved(!nothing);
  // What every rule, hook and key would say, without doing it.
  const check = useQuery({
    queryKey: ['move', entity.name, record.id, record.version, asked],
    queryFn: async ({ signal }) => {
      const answer = await api.post('/records/{entity}/bulk', { action: 'update', items: [{ id: record.id, version: record.version }], input: asked, dry_run: true, atomic: false, limit: 1 }, { path: { entity: entity.name }, signal });
      return answer.items[0]?.error ?? null;
    },
    enabled: Object.keys(asked).length > 0,
    gcTime: 0,
    retry: false,
  });
  const checking = !nothing && (check.isFetching || asked !== input);
  const overlaps = neighboursIn(record, { ...record, ...input }, fields, neighbours, locale.timeZone);

  const save = async () => {
    if (nothing) return;
    clear();
    try {
      await api.patch('/records/{entity}/{id}', input, { path: { entity: entity.name, id: record.id }, version: record.version });
      void message.success(t('plan.moved'));
      await changed(entity.name, record.id);
      onClose();
    } catch (error) {
      if (error instanceof ApiError && error.status === 412) {
        void message.warning(t('conflict.transition'));
        void changed(entity.name, record.id);
        onClose();
      } else {
        show(error);
      }
    }
  };
  return (
    <Modal open title={t('plan.moveTitle', { title: titleOf(entity, record) })} okText={t('plan.move')} cancelText={t('form.cancel')} okButtonProps={{ loading: saving, disabled: nothing || checking || check.data != null }} onOk={() => form.submit()} onCancel={onClose} mask={{ closable: false }}>
      <FormProblemAlert problem={problem} />
      <Form form={form} name={formName} layout="vertical" initialValues={begin} onValuesChange={() => setInput(changedInput(fields, before, collect(fields, form.getFieldsValue(true) as FormValues, locale)))} onFinish={() => void run(save)}>
        <RecordFields entity={entity} form={definition} record={shown} plain />
      </Form>
      <div role="status" aria-busy={checking}>
        {nothing ? null : checking ? (
          <Alert type="info" title={t('plan.checking')} />
        ) : check.data ? (
          <Alert type="error" showIcon title={t('plan.refused')} description={<Reasons detail={check.data.detail} errors={check.data.errors ?? []} entity={entity} />} />
        ) : check.isSuccess ? (
          <Alert type="success" showIcon title={t('plan.fine')} />
        ) : null}
        {overlaps.length > 0 && (
          <Alert
            className="plan-overlaps"
            type="warning"
            showIcon
            title={t('plan.overlaps')}
            description={
              <ul className="plain-list">
                {overlaps.slice(0, 5).map((other) => (
                  <li key={other.record.id}>
                    <Link to={recordPagePath(entity.name, other.record.id)}>{titleOf(entity, other.record)}</Link> {formatDate(other.span.first, locale.locale)}{other.span.last !== other.span.first && ` – ${formatDate(other.span.last, locale.locale)}`}
                  </li>
                ))}
              </ul>
            }
          />
        )}
      </div>
    </Modal>
  );
}

function Reasons({ detail, errors, entity }: { detail: string | null | undefined; errors: { field?: string | null; message: string }[]; entity: Entity }) {
  // One reason is told once, whichever of its fields would have to change.
  const said = [...new Set(errors.map((one) => one.message))].map((message) => {
    const about = errors.filter((one) => one.message === message);
    const field = about.length === 1 ? entity.fields.find((other) => other.name === about[0]!.field) : undefined;
    return field && !message.includes(field.label) ? `${field.label} · ${message}` : message;
  });
  const texts = said.length > 0 || !detail ? said : [detail];
  return <ul className="plain-list">{texts.map((text) => <li key={text}>{text}</li>)}</ul>;
}

/** Others in the row that last at the same time. */
function neighboursIn(record: RecordData, moved: RecordData, fields: Field[], neighbours: Neighbour[], timeZone: string): Neighbour[] {
  const times = fields.filter((field) => field.type === 'date' || field.type === 'instant');
  const row = fields.find((field) => !times.includes(field));
  const instants = times[0]?.type === 'instant';
  const span = times[0] && spanOf(moved[times[0].name], times[1] ? moved[times[1].name] : undefined, instants, timeZone);
  if (!row || !span) return [];
  const end = span.end ?? span.begin + 1;
  return neighbours.filter((other) => other.record.id !== record.id && other.record[row.name] === moved[row.name] && other.span.begin < end && (other.span.end ?? other.span.begin + 1) > span.begin);
}
