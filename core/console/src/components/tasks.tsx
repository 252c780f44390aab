import CheckCircleOutlined from '@ant-design/icons/es/icons/CheckCircleOutlined';
import ClockCircleOutlined from '@ant-design/icons/es/icons/ClockCircleOutlined';
import StopOutlined from '@ant-design/icons/es/icons/StopOutlined';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { App, Button, Card } from 'antd';
import { useTranslation } from 'react-i18next';
import type { components } from '../api/schema';
import type { Entity, RecordData } from '../api/types';
import { formatInstant } from '../format';
import { useWatch } from '../live';
import { useRecordChanged } from '../record_queries';
import { useApi } from '../services';
import { useSession } from '../session';
import { useErrorText } from '../use_error_text';

type Task = components['schemas']['TaskList']['items'][number];

export const taskEntity = 'core.task';

const signs = { open: ClockCircleOutlined, done: CheckCircleOutlined, cancelled: StopOutlined };

/** What is to be done about the record, and by whom; nothing where its states bring no tasks. */
export function Tasks({ entity, record }: { entity: Entity; record: RecordData }) {
  const { t, i18n } = useTranslation();
  const api = useApi();
  const errorText = useErrorText();
  const any = entity.states.some((state) => (state.tasks ?? []).length > 0);
  const list = useQuery({
    queryKey: ['tasks', entity.name, record.id, record.version, i18n.language],
    queryFn: ({ signal }) => api.get('/records/{entity}/{id}/tasks', { path: { entity: entity.name, id: record.id }, signal }),
    enabled: any,
  });
  if (!any) return null;
  if (list.data && list.data.items.length === 0) return <Watch />;
  return (
    <Card className="group-card" title={<h2>{t('task.title')}</h2>} loading={list.isPending}>
      <Watch />
      {list.isError && !list.data && (
        <Button size="small" danger onClick={() => void list.refetch()}>
          {errorText(list.error)} {t('error.retry')}
        </Button>
      )}
      <ul className="clock-list">
        {list.data?.items.map((task) => (
          <TaskLine key={task.id} task={task} entity={entity} record={record} />
        ))}
      </ul>
    </Card>
  );
}

/** A colleague who has done one changes the task, not the record. */
function Watch() {
  useWatch(taskEntity);
  return null;
}

function TaskLine({ task, entity, record }: { task: Task; entity: Entity; record: RecordData }) {
  const { t, i18n } = useTranslation();
  const { model } = useSession();
  const Sign = signs[task.state];
  const who = task.assignee?.name ?? task.role?.label;
  return (
    <li className="clock">
      <div className="clock-head">
        <strong>{task.title}</strong>
        <span className="clock-standing">
          <Sign aria-hidden /> {task.state_label}
        </span>
      </div>
      <div className="clock-time">
        {who && <span>{who}</span>}
        {!task.required && <span className="muted">{t('task.optional')}</span>}
        {task.state === 'open' && task.due_at && <span className="muted">{t('task.due', { at: formatInstant(task.due_at, i18n.language, model.agency.time_zone) })}</span>}
        {task.state !== 'open' && <span className="muted">{formatInstant(task.updated_at, i18n.language, model.agency.time_zone)}</span>}
        {task.note && <span>{task.note}</span>}
        {task.may_finish && <FinishTask id={task.id} title={task.title} entity={entity.name} about={record.id} />}
      </div>
    </li>
  );
}

/** Says that a task is done. `about`: the record of `entity` that waits for it. */
export function FinishTask({ id, title, entity, about }: { id: string; title: string; entity: string; about: string }) {
  const { t } = useTranslation();
  const api = useApi();
  const { message } = App.useApp();
  const errorText = useErrorText();
  const queries = useQueryClient();
  const changed = useRecordChanged();
  const finish = useMutation({
    mutationFn: () => api.post('/records/{entity}/{id}/transitions/{name}', {}, { path: { entity: taskEntity, id, name: 'finish' } }),
    onError: (error) => void message.error(errorText(error)),
    onSettled: () => {
      void queries.invalidateQueries({ queryKey: ['tasks', entity, about] });
      void changed(entity, about);
    },
  });
  return (
    <Button size="small" loading={finish.isPending} onClick={() => finish.mutate()} aria-label={t('task.finishOf', { task: title })}>
      {t('task.finish')}
    </Button>
  );
}
