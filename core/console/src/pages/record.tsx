import DeleteOutlined from '@ant-design/icons/es/icons/DeleteOutlined';
import EditOutlined from '@ant-design/icons/es/icons/EditOutlined';
import SafetyOutlined from '@ant-design/icons/es/icons/SafetyOutlined';
import MergeCellsOutlined from '@ant-design/icons/es/icons/MergeCellsOutlined';
import PrinterOutlined from '@ant-design/icons/es/icons/PrinterOutlined';
import LinkOutlined from '@ant-design/icons/es/icons/LinkOutlined';
import ShareAltOutlined from '@ant-design/icons/es/icons/ShareAltOutlined';
import { App, Button, Card, Skeleton } from 'antd';
import { lazy, Suspense, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Navigate, useNavigate, useParams } from 'react-router';
import { ApiError } from '../api/client';
import type { Entity, Field, RecordData } from '../api/types';
import { FieldLabel } from '../components/field_label';
import { Assignments } from '../components/assignments';
import { Clocks } from '../components/clocks';
import { FieldValue, StateLabel } from '../components/field_value';
import { LinkButton } from '../components/link_button';
import { LoadError } from '../components/load_state';
import { PageHead } from '../components/page_head';
import { StateBar } from '../components/state_bar';
import { Tasks } from '../components/tasks';
import { Timeline } from '../components/timeline';
import { TransitionButtons } from '../components/transitions';
import { copyText } from '../copy_text';
import { fieldOf, mainForm, mergeable, titleOf } from '../model';
import { editPath, listPath, printPath, recordPagePath } from '../paths';
import { useWatch } from '../live';
import { useRecord, useRecordChanged } from '../record_queries';
import { useApi } from '../services';
import { useSession } from '../session';
import { useSteady } from '../steady';
import { useErrorText } from '../use_error_text';
import { useTitle } from '../use_title';

const Attachments = lazy(() => import('../components/attachments'));
const CommentBox = lazy(() => import('../components/comment_box'));
const Merges = lazy(() => import('../components/merges'));
const MergeWith = lazy(() => import('../components/merge_with'));
const PrivateLinks = lazy(() => import('../components/private_links'));
const Related = lazy(() => import('../components/related'));

export default function RecordPage() {
  const { t } = useTranslation();
  const { entity: name = '', id = '' } = useParams();
  const { model } = useSession();
  const entity = model.entities[name];
  const record = useRecord(entity, name, id);
  const shown = useSteady(record.data);
  if (!entity) return <LoadError error={new ApiError(404, {})} onRetry={() => undefined} notFound={t('error.entityMissingText')} />;
  const merged = record.error instanceof ApiError ? record.error.mergedInto : undefined;
  if (merged) return <Navigate to={recordPagePath(merged.entity, merged.id)} replace />;
  if (shown && !(record.isError && record.error instanceof ApiError && record.error.status === 404)) {
    return <RecordView entity={entity} record={shown} />;
  }
  if (record.isError) return <LoadError error={record.error} onRetry={() => void record.refetch()} back={listPath(name)} />;
  return (
    <div className="page" role="status" aria-label={t('list.loading')}>
      <Skeleton active paragraph={{ rows: 10 }} />
    </div>
  );
}

function RecordView({ entity, record }: { entity: Entity; record: RecordData }) {
  const { t } = useTranslation();
  const { model } = useSession();
  const title = titleOf(entity, record);
  useWatch(entity.name, record.id);
  useTitle(title, model.agency.name);

  const form = mainForm(entity);
  const groups = (form?.groups ?? []).map((group) => ({
    ...group,
    shown: group.fields.map((name) => fieldOf(entity, name)).filter((field): field is Field => !!field),
  }));
  const inForm = new Set(groups.flatMap((group) => group.fields));
  const isSystem = (field: Field) => field.system === true;
  const others = entity.fields.filter((field) => !isSystem(field) && !inForm.has(field.name));
  // Number and state stand at the head of the page already.
  const system = entity.fields.filter((field) => isSystem(field) && !['number', 'state'].includes(field.name) && !inForm.has(field.name));

  return (
    <div className="page">
      <PageHead
        trail={[{ label: entity.plural || entity.label, to: listPath(entity.name) }]}
        title={title}
        aside={
          <>
            {record.number && record.number !== title && <span className="muted record-number">{record.number}</span>}
            {record.state && (
              <span className="state-tag">
                <StateLabel entity={entity} state={record.state} strong />
              </span>
            )}
          </>
        }
        actions={<RecordActions entity={entity} record={record} title={title} />}
      />
      {record.state && (
        <div className="panel workflow">
          <StateBar entity={entity} state={record.state} />
          <TransitionButtons entity={entity} record={record} />
        </div>
      )}
      <div className="record-columns">
        <div className="record-main">
          <Clocks entity={entity} record={record} />
          <Tasks entity={entity} record={record} />
          {groups.map((group) => (
            <FieldGroup key={group.name} title={group.label || t('record.details')} entity={entity} fields={group.shown} record={record} />
          ))}
          <FieldGroup title={t('record.other')} entity={entity} fields={others} record={record} filled />
          <Suspense fallback={null}>
            <Related entity={entity} record={record} />
            <Attachments entity={entity} record={record} />
            {entity.rights.update && !entity.ledger && <Merges entity={entity} record={record} />}
          </Suspense>
          <Assignments entity={entity} record={record} />
          <FieldGroup title={t('record.system')} entity={entity} fields={system} record={record} filled />
        </div>
        <Card className="group-card record-side" title={<h2>{t('record.timeline')}</h2>}>
          <Suspense fallback={null}>
            <CommentBox key={record.id} entity={entity} id={record.id} />
          </Suspense>
          <Timeline entity={entity} id={record.id} />
        </Card>
      </div>
    </div>
  );
}

interface GroupProps {
  title: string;
  entity: Entity;
  fields: Field[];
  record: RecordData;
  /** Show only fields with a value. */
  filled?: boolean;
}

function FieldGroup({ title, entity, fields, record, filled }: GroupProps) {
  const shown = filled ? fields.filter((field) => record[field.name] != null && record[field.name] !== '') : fields;
  if (shown.length === 0) return null;
  return (
    <Card className="group-card" title={<h2>{title}</h2>}>
      <dl className="field-list">
        {shown.map((field) => (
          <div key={field.name} className={field.type === 'json' || field.multiline ? 'field field-wide' : 'field'}>
            <dt>
              <FieldLabel field={field} />
            </dt>
            <dd>
              <FieldValue entity={entity} field={field} record={record} />
            </dd>
          </div>
        ))}
      </dl>
    </Card>
  );
}

function RecordActions({ entity, record, title }: { entity: Entity; record: RecordData; title: string }) {
  const { t } = useTranslation();
  const api = useApi();
  const navigate = useNavigate();
  const { user } = useSession();
  const { message, modal } = App.useApp();
  const errorText = useErrorText();
  const changed = useRecordChanged();
  const [merging, setMerging] = useState(false);

  const [sharing, setSharing] = useState(false);

  const copy = async () => ((await copyText(window.location.href)) ? void message.success(t('record.linkCopied')) : void message.warning(t('record.copyFailed')));

  const remove = async () => {
    try {
      await api.delete('/records/{entity}/{id}', { path: { entity: entity.name, id: record.id }, version: record.version });
    } catch (error) {
      if (error instanceof ApiError && error.status === 412) {
        void changed(entity.name, record.id);
        void message.warning(t('conflict.delete'));
        return;
      }
      if (error instanceof ApiError && error.status === 401) return;
      void message.error(errorText(error), 6);
      return;
    }
    void message.success(t('record.deleted'));
    await navigate(listPath(entity.name), { replace: true });
    void changed(entity.name);
  };

  return (
    <>
      <Button icon={<LinkOutlined aria-hidden />} onClick={() => void copy()} aria-label={t('record.copyLink')} title={t('record.copyLink')} />
      {(entity.links ?? []).length > 0 && <Button icon={<ShareAltOutlined aria-hidden />} aria-label={t('link.open')} title={t('link.open')} aria-haspopup="dialog" onClick={() => setSharing(true)} />}
      {sharing && (
        <Suspense fallback={null}>
          <PrivateLinks entity={entity} record={record} title={title} onClose={() => setSharing(false)} />
        </Suspense>
      )}
      <LinkButton icon={<PrinterOutlined aria-hidden />} aria-label={t('print.page')} title={t('print.page')} to={printPath(entity.name, record.id)} />
      {mergeable(entity, user.administrator) && <Button icon={<MergeCellsOutlined aria-hidden />} aria-label={t('merge.open')} title={t('merge.open')} aria-haspopup="dialog" onClick={() => setMerging(true)} />}
      {merging && (
        <Suspense fallback={null}>
          <MergeWith entity={entity} record={record} onClose={() => setMerging(false)} />
        </Suspense>
      )}
      {user.administrator && (
        <LinkButton icon={<SafetyOutlined aria-hidden />} aria-label={t('people.access')} title={t('people.access')} to={`/admin/people?tab=access&entity=${encodeURIComponent(entity.name)}&id=${record.id}`} />
      )}
      {entity.rights.delete && (
        <Button
          danger
          icon={<DeleteOutlined aria-hidden />}
          aria-label={t('record.delete')}
          title={t('record.delete')}
          onClick={() =>
            modal.confirm({
              title: t('record.deleteTitle', { title }),
              content: t('record.deleteText'),
              okText: t('record.delete'),
              okButtonProps: { danger: true },
              cancelText: t('form.cancel'),
              onOk: remove,
            })
          }
        />
      )}
      {entity.rights.update && (
        <LinkButton icon={<EditOutlined aria-hidden />} to={editPath(entity.name, record.id)}>
          {t('record.edit')}
        </LinkButton>
      )}
    </>
  );
}
