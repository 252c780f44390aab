import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Alert, App, Button, Empty, Form, Skeleton } from 'antd';
import { useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocation, useNavigate, useParams } from 'react-router';
import { ApiError } from '../api/client';
import type { Entity, Expanded, Field, FormDefinition, Page, RecordData } from '../api/types';
import { ConflictDialog } from '../components/conflict_dialog';
import { ComputedPreview, DuplicateAlerts } from '../components/draft_notes';
import { FormProblemAlert } from '../components/form_problem';
import { LeaveGuard } from '../components/leave_guard';
import { LinkButton } from '../components/link_button';
import { LoadError } from '../components/load_state';
import { PageHead } from '../components/page_head';
import { formName, RecordFields } from '../components/record_fields';
import { useServerErrors } from '../components/use_server_errors';
import { changedInput, collect, editableFields, filledInput, toFormValues, type FormValues, type Input } from '../form_values';
import { attachmentsKey, chosenFiles, sendFile, type Chosen } from '../files';
import { forgetText, keepText, keptValues } from '../kept';
import { expandedOf, mainForm, titleOf } from '../model';
import { listPath, recordPagePath } from '../paths';
import { fetchRecord, recordKey, useRecordChanged } from '../record_queries';
import { useApi } from '../services';
import { useSession } from '../session';
import { shownInput, useDraft } from '../use_draft';
import { useSubmission } from '../use_submission';
import { useErrorText } from '../use_error_text';
import { useTitle } from '../use_title';

/** Creates a record, or edits the one in the address. */
export default function EditPage() {
  const { t } = useTranslation();
  const { entity: name = '', id } = useParams();
  const { model } = useSession();
  const entity = model.entities[name];
  const form = entity && mainForm(entity);
  if (!entity || !form) {
    return <LoadError error={new ApiError(404, {})} onRetry={() => undefined} notFound={t('error.entityMissingText')} />;
  }
  if (!(id === undefined ? entity.rights.create : entity.rights.update)) {
    return <LoadError error={new ApiError(403, {})} onRetry={() => undefined} back={listPath(name)} />;
  }
  return id === undefined ? <Editor key={name} entity={entity} form={form} /> : <LoadedEditor key={`${name}/${id}`} entity={entity} form={form} id={id} />;
}

function LoadedEditor({ entity, form, id }: { entity: Entity; form: FormDefinition; id: string }) {
  const api = useApi();
  // Only a record that is fresh is worth editing; what was in memory may be out of date.
  const record = useQuery({ queryKey: recordKey(entity.name, id), queryFn: ({ signal }) => fetchRecord(api, entity, id, signal), refetchOnMount: 'always' });
  const [began, setBegan] = useState<RecordData | null>(null);
  if (!began && record.data && record.isFetchedAfterMount && !record.isFetching) setBegan(record.data);
  if (began) return <Editor entity={entity} form={form} record={began} />;
  if (record.isError && !record.isFetching) return <LoadError error={record.error} onRetry={() => void record.refetch()} back={listPath(entity.name)} />;
  return (
    <div className="page narrow">
      <Skeleton active paragraph={{ rows: 8 }} />
    </div>
  );
}

/** A record that is none yet, for what is shown before it is there. */
const nothing: RecordData = { id: '', version: 0 };

/** A reference that the page before has chosen for the new record. */
function usePreset(fields: readonly Field[]) {
  const { state } = useLocation() as { state: { preset?: { field?: unknown; id?: unknown; title?: unknown } } | null };
  const { field: name, id, title } = state?.preset ?? {};
  const field = fields.find((one) => one.name === name);
  if (!field || typeof id !== 'string' || typeof title !== 'string') return undefined;
  const one = { id, title };
  const record: RecordData = { ...nothing, expanded: { [field.name]: field.type === 'refs' ? [one] : one } };
  return { values: { [field.name]: field.type === 'refs' ? [id] : id }, record, key: `/${field.name}=${id}` };
}

interface Conflict {
  theirs: RecordData;
  mine: Input;
}

function Editor({ entity, form: definition, record }: { entity: Entity; form: FormDefinition; record?: RecordData }) {
  const { t } = useTranslation();
  const api = useApi();
  const navigate = useNavigate();
  const { message } = App.useApp();
  const { locale, model, user } = useSession();
  const queries = useQueryClient();
  const errorText = useErrorText();
  const changed = useRecordChanged();
  const fields = useMemo(() => editableFields(entity, definition), [entity, definition]);
  const [base, setBase] = useState(record);
  const preset = usePreset(fields);
  const keptKey = `${user.id}/form/${entity.name}/${record?.id ?? `new${preset?.key ?? ''}`}`;
  // What was typed before the page went away; of a version that has changed since it is offered all the same.
  const [kept, setKept] = useState(() => keptValues(keptKey));
  /** What the form shows where nothing was typed. */
  const untouched = (): FormValues => ({ ...toFormValues(fields, base, locale), ...(base ? {} : preset?.values) });
  const begin = useMemo(
    () => (kept ? { ...untouched(), ...toFormValues(fields.filter((field) => field.name in kept), { ...(base ?? nothing), ...kept }, locale) } : untouched()),
    // Only what it begins with: later changes of `base` are put into the form where they happen.
    [],
  );
  const { form, problem, show, clear } = useServerErrors(entity, fields);
  const [dirty, setDirty] = useState(kept !== undefined);
  const { running: saving, run } = useSubmission();
  const [conflict, setConflict] = useState<Conflict | null>(null);
  const released = useRef(false);

  const heading = base ? `${t('form.edit')} · ${titleOf(entity, base)}` : t('form.create', { entity: entity.label });
  useTitle(heading, model.agency.name);
  const back = base ? recordPagePath(entity.name, base.id) : listPath(entity.name);

  const difference = (from: RecordData | undefined): Input => {
    const now = collect(fields, form.getFieldsValue(true) as FormValues, locale);
    return changedInput(fields, collect(fields, toFormValues(fields, from, locale), locale), now);
  };

  const entered = (): Input => (base ? difference(base) : filledInput(collect(fields, form.getFieldsValue(true) as FormValues, locale)));
  const { draft, ready, changed: ask, settled } = useDraft(entity, { id: base?.id }, entered);

  /** Titles of the records chosen in `input`, as far as the searches of this page have seen them. */
  const chosenTitles = (input: Input): Record<string, Expanded | Expanded[]> => {
    const titles: Record<string, Expanded | Expanded[]> = {};
    for (const field of fields) {
      if (!(field.type === 'ref' || field.type === 'refs') || !field.to) continue;
      const chosen = input[field.name];
      const seen = queries.getQueriesData<Page>({ queryKey: ['options', field.to] }).flatMap(([, page]) => page?.items ?? []);
      const find = (id: unknown): Expanded | undefined => {
        const item = seen.find((one) => one.id === id);
        return item ? { id: item.id, title: titleOf(model.entities[field.to ?? ''], item) } : expandedOf(base, field.name).find((one) => one.id === id);
      };
      const one = typeof chosen === 'string' ? find(chosen) : undefined;
      if (one) titles[field.name] = one;
      if (Array.isArray(chosen)) titles[field.name] = chosen.map(find).filter((known) => known !== undefined);
    }
    return titles;
  };

  const leave = (to: string) => {
    forgetText(keptKey);
    released.current = true;
    void navigate(to, { replace: true });
  };

  const chosen = (): Chosen[] => chosenFiles(fields, form.getFieldsValue(true) as FormValues);

  /** Files go after the record that holds them; returns whether all have arrived. */
  const sendFiles = async (id: string, files: Chosen[]): Promise<boolean> => {
    let all = true;
    for (const { field, file } of files) {
      try {
        await sendFile(api, entity.name, id, file, field.name);
      } catch (error) {
        all = false;
        void message.error(`${field.label}${t('value.colon')}${errorText(error)}`, 8);
      }
    }
    if (files.length > 0) void queries.invalidateQueries({ queryKey: attachmentsKey(entity.name, id) });
    return all;
  };

  const save = async (from: RecordData | undefined, retried = false): Promise<void> => {
    clear();
    try {
      const now = await settled();
      if (!from) {
        const created = await api.post('/records/{entity}', shownInput(now, entered()), { path: { entity: entity.name } });
        if (await sendFiles(created.id, chosen())) void message.success(t('form.created'));
        void changed(entity.name);
        leave(recordPagePath(entity.name, created.id));
        return;
      }
      const input = shownInput(now, difference(from));
      const files = chosen();
      if (Object.keys(input).length === 0 && files.length === 0) {
        void message.info(t('form.unchanged'));
        leave(back);
        return;
      }
      try {
        if (Object.keys(input).length > 0) await api.patch('/records/{entity}/{id}', input, { path: { entity: entity.name, id: from.id }, version: from.version });
      } catch (error) {
        if (!(error instanceof ApiError && error.status === 412)) throw error;
        // The problem carries the record, but without the titles of its references.
        const theirs = await fetchRecord(api, entity, from.id).catch((failed: unknown) => {
          if (error.current) return error.current;
          throw failed;
        });
        // A comment, say, is a new version without a change of what is edited here: nothing to ask about.
        if (!retried && fields.every((field) => JSON.stringify(theirs[field.name] ?? null) === JSON.stringify(from[field.name] ?? null))) {
          setBase(theirs);
          await save(theirs, true);
          return;
        }
        setConflict({ theirs, mine: input });
        return;
      }
      setConflict(null);
      if (await sendFiles(from.id, files)) void message.success(t('form.saved'));
      await changed(entity.name, from.id);
      leave(back);
    } catch (error) {
      setConflict(null);
      if (error instanceof ApiError && error.status === 404 && from) show(new ApiError(404, { detail: t('conflict.gone') }));
      else show(error);
    }
  };

  const keepMine = (theirs: RecordData, keep: string[]) => {
    const fresh = toFormValues(fields.filter((field) => !keep.includes(field.name)), theirs, locale);
    form.setFieldsValue(fresh);
    setBase(theirs);
    void run(() => save(theirs));
  };

  const takeTheirs = (theirs: RecordData) => {
    setBase(theirs);
    form.setFieldsValue(toFormValues(fields, theirs, locale));
    setDirty(false);
    setConflict(null);
    clear();
  };

  return (
    <div className="page narrow">
      <PageHead
        trail={[{ label: entity.plural || entity.label, to: listPath(entity.name) }, ...(base ? [{ label: titleOf(entity, base), to: back }] : [])]}
        title={heading}
      />
      <FormProblemAlert problem={problem} />
      {kept && (
        <Alert
          type="info"
          showIcon
          className="form-alert"
          title={t('form.kept')}
          action={
            <Button size="small" onClick={() => { forgetText(keptKey); setKept(undefined); form.setFieldsValue(untouched()); setDirty(false); }}>
              {t('form.keptDrop')}
            </Button>
          }
        />
      )}
      <Form
        form={form}
        name={formName}
        layout="vertical"
        initialValues={begin}
        className={ready ? undefined : 'unready'}
        scrollToFirstError={{ block: 'center', focus: true }}
        onValuesChange={() => {
          const input = difference(base);
          const changes = Object.keys(input).length > 0 || chosen().length > 0;
          setDirty(changes);
          keepText(keptKey, Object.keys(input).length > 0 ? JSON.stringify(input) : '');
          ask();
        }}
        onFinish={() => void run(() => save(base))}
      >
        {fields.length === 0 && <Empty description={t('form.noFields')} />}
        <RecordFields entity={entity} form={definition} record={base ?? preset?.record} draft={draft} />
        <ComputedPreview entity={entity} draft={draft} record={base} />
        <DuplicateAlerts entity={entity} draft={draft} />
        <div className="form-actions">
          <LinkButton to={back}>{t('form.cancel')}</LinkButton>
          <Button type="primary" htmlType="submit" loading={saving}>
            {t('form.save')}
          </Button>
        </div>
      </Form>
      <LeaveGuard dirty={dirty} released={released} onLeave={() => forgetText(keptKey)} />
      {conflict && base && (
        <ConflictDialog
          key={conflict.theirs.version}
          entity={entity}
          base={base}
          mine={{ ...base, ...conflict.mine, expanded: { ...base.expanded, ...chosenTitles(conflict.mine) } }}
          theirs={conflict.theirs}
          changed={fields.map((field) => field.name).filter((field) => field in conflict.mine)}
          saving={saving}
          onKeep={(keep) => keepMine(conflict.theirs, keep)}
          onReload={() => takeTheirs(conflict.theirs)}
          onBack={() => setConflict(null)}
        />
      )}
    </div>
  );
}
