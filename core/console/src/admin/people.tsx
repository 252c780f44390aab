import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Alert, Button, Empty, Modal, Select, Skeleton, Table, Tabs, Tag } from 'antd';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useSearchParams } from 'react-router';
import type { components } from '../api/schema';
import type { RecordData } from '../api/types';
import { LinkButton } from '../components/link_button';
import { LoadError } from '../components/load_state';
import { RefSelect } from '../components/ref_select';
import { ToldOnce } from '../components/told_once';
import { optionOf } from '../model';
import { createPath, recordPagePath } from '../paths';
import { usePinyinFilter } from '../pinyin';
import { useApi, useLanguage } from '../services';
import { useSession } from '../session';
import { AdminPage, Paged, useAct } from './parts';

const users = 'core.user';
type Role = components['schemas']['RoleList']['items'][number];
type Report = components['schemas']['AccessReport'];
type Grant = components['schemas']['AccessGrant'];

export function useRoles() {
  const api = useApi();
  const { language } = useLanguage();
  return useQuery({ queryKey: ['roles', language], queryFn: ({ signal }) => api.get('/admin/roles', { signal }), staleTime: 60_000 });
}

/** The roles that a user's record names. */
const rolesOf = (user: RecordData): string[] => (Array.isArray(user['roles']) ? user['roles'].filter((one): one is string => typeof one === 'string') : []);

/** Users, roles, and why somebody may or may not. */
export default function PeoplePage() {
  const { t } = useTranslation();
  const [params, setParams] = useSearchParams();
  const tab = params.get('tab') ?? 'users';
  return (
    <AdminPage
      title={t('people.title')}
      actions={<LinkButton type="primary" to={createPath(users)}>{t('people.newUser')}</LinkButton>}
    >
      <Tabs
        activeKey={tab}
        onChange={(key) => setParams(key === 'users' ? {} : { tab: key })}
        destroyOnHidden
        items={[
          { key: 'users', label: t('people.users'), children: <Users /> },
          { key: 'roles', label: t('people.roles'), children: <Roles /> },
          { key: 'access', label: t('people.access'), children: <Access /> },
        ]}
      />
    </AdminPage>
  );
}

function Users() {
  const { t } = useTranslation();
  const api = useApi();
  const { model } = useSession();
  const roles = useRoles();
  const [changing, setChanging] = useState<RecordData | null>(null);
  const [opening, setOpening] = useState<RecordData | null>(null);
  const entity = model.entities[users];
  const department = entity?.fields.find((field) => field.name === 'department');
  const label = (name: string) => roles.data?.items.find((role) => role.name === name)?.label ?? name;
  return (
    <div className="panel">
      <Paged<RecordData>
        queryKey={['list', users, 'people']}
        label={t('people.users')}
        rowKey="id"
        empty={t('people.noUsers')}
        load={(after, signal) => api.get('/records/{entity}', { path: { entity: users }, query: { sort: 'username', limit: 50, after }, signal })}
        columns={[
          { title: t('people.name'), render: (_, user) => <Link to={recordPagePath(users, user.id)} className="row-link">{String(user['name'] ?? user['username'])}</Link> },
          { title: t('login.username'), render: (_, user) => <code>{String(user['username'])}</code> },
          { title: t('people.department'), render: (_, user) => (user['department'] ? (department && optionOf(model, department, user['department'])?.label) || String(user['department']) : <span className="muted">{t('value.empty')}</span>) },
          { title: t('people.roles'), render: (_, user) => <span className="values">{rolesOf(user).map((name) => <Tag key={name}>{label(name)}</Tag>)}</span> },
          { title: t('rules.standing'), render: (_, user) => <Tag className={user['active'] === true ? 'tag-done' : 'tag-skipped'}>{t(user['active'] === true ? 'people.active' : 'people.inactive')}</Tag> },
          {
            title: <span className="hidden-text">{t('record.actions')}</span>,
            render: (_, user) => (
              <span className="row-actions">
                <Button size="small" onClick={() => setChanging(user)} aria-label={`${t('people.changeRoles')} ${String(user['username'])}`}>
                  {t('people.changeRoles')}
                </Button>
                <Button size="small" onClick={() => setOpening(user)} aria-label={`${t('password.reset')} ${String(user['username'])}`}>
                  {t('password.reset')}
                </Button>
                <LinkButton size="small" to={`/admin/people?tab=access&user=${user.id}`} aria-label={`${t('people.why')} ${String(user['username'])}`}>
                  {t('people.why')}
                </LinkButton>
              </span>
            ),
          },
        ]}
      />
      {opening && <PasswordDialog user={opening} onClose={() => setOpening(null)} />}
      {changing && <RolesDialog user={changing} roles={roles.data?.items ?? []} onClose={() => setChanging(null)} />}
    </div>
  );
}

/** A new password for somebody who has none yet, or has forgotten it; told once. */
function PasswordDialog({ user, onClose }: { user: RecordData; onClose: () => void }) {
  const { t } = useTranslation();
  const api = useApi();
  const act = useAct();
  const [made, setMade] = useState('');
  const [making, setMaking] = useState(false);
  const make = async () => {
    setMaking(true);
    await act(async () => setMade((await api.post('/admin/users/{id}/password', undefined as never, { path: { id: user.id } })).password), t('password.made'));
    setMaking(false);
  };
  const name = String(user['name'] ?? user['username']);
  return (
    <Modal
      open
      title={`${t('password.reset')} · ${name}`}
      okText={t('password.reset')}
      cancelText={t(made ? 'password.close' : 'form.cancel')}
      okButtonProps={{ loading: making, ...(made ? { hidden: true } : {}) }}
      onOk={() => void make()}
      onCancel={onClose}
    >
      {made ? <ToldOnce title={t('password.once', { username: String(user['username']) })} label={t('password.new')} value={made} /> : <p>{t('password.resetText', { name })}</p>}
    </Modal>
  );
}

function RolesDialog({ user, roles, onClose }: { user: RecordData; roles: Role[]; onClose: () => void }) {
  const { t } = useTranslation();
  const api = useApi();
  const act = useAct();
  const queries = useQueryClient();
  const pinyin = usePinyinFilter();
  const [chosen, setChosen] = useState(rolesOf(user));
  const [saving, setSaving] = useState(false);
  const save = async () => {
    setSaving(true);
    const done = await act(() => api.patch('/records/{entity}/{id}', { roles: chosen }, { path: { entity: users, id: user.id }, version: user.version }), t('form.saved'));
    setSaving(false);
    void queries.invalidateQueries({ queryKey: ['list', users] });
    if (done) onClose();
  };
  return (
    <Modal open title={`${t('people.changeRoles')} · ${String(user['name'] ?? user['username'])}`} okText={t('form.save')} cancelText={t('form.cancel')} okButtonProps={{ loading: saving }} onOk={() => void save()} onCancel={onClose}>
      <Select
        className="full"
        mode="multiple"
        aria-label={t('people.roles')}
        showSearch={{ filterOption: pinyin }}
        value={chosen}
        onChange={setChosen}
        options={roles.filter((role) => !role.everyone || chosen.includes(role.name)).map((role) => ({ value: role.name, label: role.department ? `${role.label} · ${role.department}` : role.label }))}
      />
    </Modal>
  );
}

const operations = ['read', 'create', 'update', 'delete'] as const;

function Roles() {
  const { t } = useTranslation();
  const roles = useRoles();
  if (roles.isError && !roles.data) return <LoadError error={roles.error} onRetry={() => void roles.refetch()} />;
  if (!roles.data) return <Skeleton active paragraph={{ rows: 6 }} />;
  const label = (name: string) => roles.data.items.find((role) => role.name === name)?.label ?? name;
  return (
    <div className="panel">
      <Table<Role>
        size="small"
        className="plain-rows"
        rowKey="name"
        aria-label={t('people.roles')}
        pagination={false}
        scroll={{ x: 'max-content' }}
        dataSource={roles.data.items}
        locale={{ emptyText: <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} /> }}
        expandable={{ expandedRowRender: (role) => <Grants role={role} />, rowExpandable: (role) => role.grants.length > 0 }}
        columns={[
          {
            title: t('people.role'),
            render: (_, role) => (
              <>
                <strong>{role.label}</strong>
                <div className="muted">
                  <code>{role.name}</code>
                </div>
              </>
            ),
          },
          { title: t('people.department'), render: (_, role) => role.department ?? <span className="muted">{t('value.empty')}</span> },
          { title: t('people.includes'), render: (_, role) => (role.includes.length > 0 ? role.includes.map(label).join(t('approval.and')) : <span className="muted">{t('value.empty')}</span>) },
          {
            title: t('people.gives'),
            render: (_, role) =>
              role.administrator ? <Tag className="tag-failed">{t('people.everything')}</Tag> : (
                <span className="values">
                  {role.everyone && <Tag className="tag-open">{t('people.everyone')}</Tag>}
                  {t('people.kinds', { count: new Set(role.grants.map((grant) => grant.entity)).size })}
                </span>
              ),
          },
        ]}
      />
    </div>
  );
}

/** What a role gives, by entity: always, never, or by which rule. */
function Grants({ role }: { role: Role }) {
  const { t } = useTranslation();
  const entities = [...new Map(role.grants.map((grant) => [grant.entity, grant.label]))];
  return (
    <div className="table-scroll">
      <table className="conflict">
        <caption className="hidden-text">{role.label}</caption>
        <thead>
          <tr>
            <th scope="col">{t('audit.entity')}</th>
            {operations.map((one) => (
              <th key={one} scope="col">{t(`people.operation_${one}`)}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {entities.map(([name, label]) => (
            <tr key={name}>
              <th scope="row">{label}</th>
              {operations.map((operation) => {
                const grant = role.grants.find((one) => one.entity === name && one.operation === operation);
                return (
                  <td key={operation}>
                    {!grant ? <span className="muted">{t('value.empty')}</span> : grant.when ? <code title={`${grant.file}:${grant.line}`}>{grant.when}</code> : <span className="count-done">{t('people.always')}</span>}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Why somebody may, or may not, see and change one record. */
function Access() {
  const { t } = useTranslation();
  const { model } = useSession();
  const api = useApi();
  const { language } = useLanguage();
  const pinyin = usePinyinFilter();
  const [params, setParams] = useSearchParams();
  const user = params.get('user') ?? '', entity = params.get('entity') ?? '', id = params.get('id') ?? '';
  const set = (change: Record<string, string>) => {
    const next = { tab: 'access', user, entity, id, ...change };
    setParams(Object.fromEntries(Object.entries(next).filter(([, value]) => value)), { replace: true });
  };
  const report = useQuery({
    queryKey: ['access', user, entity, id, language],
    queryFn: ({ signal }) => api.get('/records/{entity}/{id}/access', { path: { entity, id }, query: { user }, signal }),
    enabled: !!(user && entity && id),
    staleTime: 0,
  });
  return (
    <div className="panel section-body">
      <p>{t('people.accessExplain')}</p>
      <div className="inline-form">
        <RefSelect to={users} className="wide-select" aria-label={t('people.person')} placeholder={t('people.person')} value={user || null} onChange={(value) => set({ user: String(value ?? '') })} allowClear />
        <Select
          className="wide-select"
          showSearch={{ filterOption: pinyin }}
          aria-label={t('audit.entity')}
          placeholder={t('audit.entity')}
          value={entity || null}
          onChange={(value: string | null) => set({ entity: value ?? '', id: '' })}
          options={Object.values(model.entities).map((one) => ({ value: one.name, label: one.label }))}
        />
        {entity && <RefSelect key={entity} to={entity} className="wide-select" aria-label={t('rules.record')} value={id || null} onChange={(value) => set({ id: String(value ?? '') })} allowClear />}
      </div>
      {report.isError && <LoadError error={report.error} onRetry={() => void report.refetch()} />}
      {report.isFetching && !report.data && <Skeleton active />}
      {report.data && user && entity && id && <AccessReport report={report.data} />}
    </div>
  );
}

export function AccessReport({ report }: { report: Report }) {
  const { t } = useTranslation();
  return (
    <div className="access" aria-live="polite">
      {report.administrator && <Alert type="warning" showIcon title={t('people.isAdministrator', { name: report.user.name })} />}
      {report.operations.map((operation) => (
        <section key={operation.operation} className={operation.allowed ? 'access-operation access-yes' : 'access-operation access-no'}>
          <h2>
            <Tag className={operation.allowed ? 'tag-done' : 'tag-failed'}>{t(operation.allowed ? 'people.yes' : 'people.no')}</Tag> {operation.text}
          </h2>
          {operation.why && <p>{operation.why}</p>}
          {operation.grants.length > 0 && (
            <ul className="grant-list">
              {operation.grants.map((grant, index) => (
                <GrantLine key={index} grant={grant} />
              ))}
            </ul>
          )}
        </section>
      ))}
      {report.fields.length > 0 && (
        <section className="access-operation">
          <h2>{t('audit.fields')}</h2>
          <ul className="plain-list">{report.fields.map((field) => <li key={field.field}>{field.text}</li>)}</ul>
        </section>
      )}
    </div>
  );
}

function GrantLine({ grant }: { grant: Grant }) {
  const { t } = useTranslation();
  return (
    <li className={`grant grant-${grant.result}`}>
      <div>{grant.text}</div>
      <code>{grant.rule || t('people.always')}</code>
    </li>
  );
}
