import type { Entity, Field, Model, RecordData, TimelineEvent, User } from '../src/api/types';

/** A server in memory that keeps the contract of docs/api.md as far as the console uses it. */

export interface Call {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: Headers;
  body: unknown;
}

export interface Answer {
  status: number;
  body?: unknown;
  headers?: Record<string, string>;
}

/** Answers a call itself, or lets it pass by returning undefined. */
export type Override = (call: Call) => Answer | undefined;

export function field(name: string, label: string, type: Field['type'], more: Partial<Field> = {}): Field {
  return { name, label, type, help: '', to: null, right: 'write', default: null, system: false, required: false, read_only: false, rollup: null, search: false, multiline: false, sensitive: false, max: null, min: null, scale: null, choices: null, depends_on: null, sortable: true, ...more };
}

export function systemFields(labels: Record<string, string> = {}): Field[] {
  const types: [string, Field['type']][] = [
    ['id', 'id'], ['number', 'text'], ['version', 'int'], ['state', 'text'], ['owner', 'ref'], ['created_at', 'instant'], ['updated_at', 'instant'],
    ['external_source', 'text'], ['external_id', 'text'],
  ];
  return types.map(([name, type]) => field(name, labels[name] ?? name, type, { system: true, read_only: name !== 'owner', ...(name === 'owner' ? { to: 'core.user' } : {}) }));
}

const systemLabels = {
  id: '标识', number: '编号', version: '版本', state: '状态', owner: '负责人', created_at: '创建时间', updated_at: '更新时间', external_source: '来源系统', external_id: '来源编号',
};

/** Two entities: people, and tasks that point to them and have a workflow. */
export function demoModel(): Model {
  const person: Entity = {
    name: 'demo.person', label: '人员', plural: '人员', module: 'demo', icon: 'team', menu: true, ledger: false, title: 'name',
    rights: { read: true, create: true, update: true, delete: true },
    live: false, duplicates: false, clocks: [], assignments: [],
    fields: [...systemFields(systemLabels), field('name', '姓名', 'text', { required: true, max: 60, search: true })],
    initial: null, states: [], transitions: [],
    forms: [{ name: 'demo.person_form', label: '', groups: [{ name: 'main', label: '基本信息', fields: ['name'] }] }],
    views: [{ name: 'demo.people', label: '全部', columns: ['name', 'created_at'], type: 'list', group: null, start: null, end: null, sort: '-created_at', filter: null }],
  };
  const task: Entity = {
    name: 'demo.task', label: '任务', plural: '任务', module: 'demo', icon: 'profile', menu: true, ledger: false, title: 'number',
    rights: { read: true, create: true, update: true, delete: true },
    live: false, duplicates: false, clocks: [], assignments: [],
    fields: [
      ...systemFields(systemLabels),
      field('subject', '主题', 'text', { required: true, max: 20, search: true }),
      field('person', '联系人', 'ref', { to: 'demo.person' }),
      field('kind', '类型', 'choice', { choices: 'demo.kind' }),
      field('due_on', '截止日期', 'date'),
      field('remind_at', '提醒时间', 'instant'),
      field('people', '人数', 'int', { min: 1, max: 500 }),
      field('budget', '预算', 'money', { scale: 2 }),
      field('ratio', '比例', 'decimal', { scale: 3, min: '0', max: '1' }),
      field('urgent', '紧急', 'bool'),
      field('extra', '附加', 'json'),
      field('notes', '备注', 'text', { multiline: true }),
      field('per_head', '人均', 'money', { scale: 2, read_only: true }),
      field('reason', '原因', 'choice', { choices: 'demo.reason' }),
    ],
    initial: 'new',
    states: [
      { name: 'new', label: '新建', category: 'open', color: 'blue' },
      { name: 'active', label: '进行中', category: 'open', color: 'cyan' },
      { name: 'done', label: '完成', category: 'done', color: 'green' },
      { name: 'dropped', label: '放弃', category: 'cancelled', color: 'grey' },
    ],
    transitions: [
      { name: 'begin', label: '开始', from: ['new'], to: 'active', form: null, comment_required: false },
      { name: 'finish', label: '办结', from: ['active'], to: 'done', form: null, comment_required: false },
      { name: 'drop', label: '放弃', from: ['new', 'active'], to: 'dropped', form: 'demo.drop_form', comment_required: true },
    ],
    events: [{ name: 'priced', label: '已计价' }],
    forms: [
      {
        name: 'demo.task_form', label: '任务',
        groups: [
          { name: 'main', label: '内容', fields: ['subject', 'person', 'kind', 'due_on', 'remind_at', 'people'] },
          { name: 'money', label: '费用', fields: ['budget', 'per_head', 'ratio', 'urgent', 'extra', 'notes'] },
        ],
      },
      { name: 'demo.drop_form', label: '放弃', groups: [{ name: 'main', label: '', fields: ['reason'] }] },
    ],
    views: [{ name: 'demo.tasks', label: '全部任务', columns: ['number', 'subject', 'person', 'kind', 'state', 'due_on', 'people', 'budget', 'created_at'], type: 'list', group: null, start: null, end: null, sort: '-created_at', filter: null }],
  };
  return {
    hash: 'demo', locale: 'zh-CN', locales: ['zh-CN', 'zh-TW', 'en'],
    agency: { name: '示例公司', currency: 'CNY', time_zone: 'Asia/Shanghai', color: '#0f766e', logo: '/favicon.svg' },
    modules: [
      { name: 'demo', label: '演示', icon: 'phone', entities: ['demo.task', 'demo.person', 'demo.absent'], pages: [] },
      { name: 'empty', label: '空模块', icon: '', entities: [], pages: [] },
    ],
    entities: { 'demo.person': person, 'demo.task': task },
    pages: {},
    choices: {
      'demo.kind': [
        { name: 'call', label: '电话', color: 'blue', active: true, of: [] },
        { name: 'visit', label: '拜访', color: 'green', active: true, of: [] },
        { name: 'fax', label: '传真', color: '', active: false, of: [] },
      ],
      'demo.reason': [{ name: 'dear', label: '价格过高', color: '', active: true, of: [] }],
    },
  };
}

export class FakeServer {
  readonly calls: Call[] = [];
  readonly overrides: Override[] = [];
  records: Record<string, RecordData[]> = {};
  events: Record<string, TimelineEvent[]> = {};
  signedIn = true;
  csrf = 'token-1';
  user: User = { id: '1', username: 'admin', name: '管理员', locale: 'zh-CN', roles: [], administrator: true, department: null, department_label: null, deputy_of: [] };
  password = 'secret';
  private next = 100;

  constructor(public model: Model = demoModel()) {}

  add(entity: string, values: Partial<RecordData>): RecordData {
    const id = String((this.next += 1));
    const definition = this.model.entities[entity]!;
    const empty = Object.fromEntries(definition.fields.map((one) => [one.name, null]));
    const record = {
      ...empty, id, version: 1, number: definition.title === 'number' ? `T-${id}` : null, state: definition.initial ?? null,
      created_at: '2026-11-20T08:30:00Z', updated_at: '2026-11-20T08:30:00Z', ...values,
    } as RecordData;
    (this.records[entity] ??= []).unshift(record);
    this.log(entity, id, 'create', []);
    return record;
  }

  log(entity: string, id: string, action: string, changes: TimelineEvent['changes'], more: Partial<TimelineEvent> = {}): void {
    const list = (this.events[`${entity}/${id}`] ??= []);
    list.unshift({ id: String(list.length + 1), at: '2026-11-20T08:30:00Z', actor: { id: '1', name: this.user.name }, source: 'api', action, version: 1, changes, note: '', request_id: 'r0', ...more });
  }

  callsTo(method: string, path: string): Call[] {
    return this.calls.filter((call) => call.method === method && call.path === path);
  }

  handle(call: Call): Answer {
    this.calls.push(call);
    for (const override of this.overrides) {
      const answer = override(call);
      if (answer) return answer;
    }
    const { method, path } = call;
    if (path === '/session' && method === 'POST') {
      const body = call.body as { username: string; password: string };
      if (body.username !== this.user.username || body.password !== this.password) return problem(401, 'unauthenticated', 'No.');
      this.signedIn = true;
      return { status: 200, body: { user: this.user, csrf: this.csrf } };
    }
    if (!this.signedIn) return problem(401, 'unauthenticated', '请先登录。');
    if (method !== 'GET' && call.headers.get('X-CSRF-Token') !== this.csrf) return problem(403, 'forbidden', 'The CSRF token is missing or wrong.');
    if (path === '/session') {
      this.signedIn = false;
      return { status: 204 };
    }
    if (path === '/me') {
      if (method === 'PATCH') this.user = { ...this.user, ...(call.body as object) };
      return { status: 200, body: { ...this.user, csrf: this.csrf } };
    }
    if (path === '/model') return { status: 200, body: this.model };
    const parts = path.split('/').slice(1).map(decodeURIComponent);
    if (parts[0] === 'records' && parts[1]) return this.record(call, parts[1], parts.slice(2));
    return problem(404, 'not_found', 'There is nothing here.');
  }

  private record(call: Call, entity: string, [id, part, name]: string[]): Answer {
    const definition = this.model.entities[entity];
    if (!definition) return problem(404, 'not_found', 'There is no such entity.');
    const list = (this.records[entity] ??= []);
    if (id === undefined) {
      if (call.method === 'POST') {
        const refused = this.check(definition, call.body as Record<string, unknown>, true);
        if (refused) return refused;
        const record = this.add(entity, call.body as Partial<RecordData>);
        return { status: 201, body: record, headers: { ETag: '"1"' } };
      }
      return this.list(call, definition, list);
    }
    if (id === 'aggregate') return this.groups(call, definition, list);
    const record = list.find((one) => one.id === id);
    if (!record) return problem(404, 'not_found', '找不到这条记录。');
    if (part === 'timeline') return { status: 200, body: { items: this.events[`${entity}/${id}`] ?? [], next: null } };
    if (part === 'transitions' && !name) {
      const items = (definition.transitions ?? [])
        .filter((one) => one.from.includes(record.state ?? ''))
        .map((one) => ({
          name: one.name, label: one.label, to: one.to, to_label: definition.states?.find((state) => state.name === one.to)?.label ?? '',
          allowed: true, why: '', form: one.form ?? null, comment_required: one.comment_required ?? false,
        }));
      return { status: 200, body: { items } };
    }
    const match = call.headers.get('If-Match');
    if (call.method !== 'GET' && match && match !== '*' && match !== `"${record.version}"`) {
      return { status: 412, body: { status: 412, code: 'stale', title: 'Precondition Failed', detail: 'The record has changed.', current: record } };
    }
    if (part === 'transitions') {
      const transition = definition.transitions?.find((one) => one.name === name);
      if (!transition?.from.includes(record.state ?? '')) return problem(409, 'conflict', '现在不能执行这一步。');
      const body = (call.body ?? {}) as { input?: Record<string, unknown>; comment?: string };
      const old = record.state;
      Object.assign(record, body.input, { state: transition.to, version: record.version + 1 });
      const label = (state: unknown) => definition.states?.find((one) => one.name === state)?.label ?? '';
      this.log(entity, id, `transition:${name}`, [{ field: 'state', label: '状态', old, new: transition.to, old_text: label(old), new_text: label(transition.to) }], {
        transition: { name: transition.name, label: transition.label }, note: body.comment ?? '',
      });
      return { status: 200, body: record };
    }
    if (call.method === 'PATCH') {
      if (!match) return problem(428, 'precondition_required', 'If-Match is needed.');
      const refused = this.check(definition, call.body as Record<string, unknown>, false);
      if (refused) return refused;
      const changes = Object.entries(call.body as object).map(([key, value]) => ({ field: key, label: definition.fields.find((one) => one.name === key)?.label ?? key, old: record[key], new: value, old_text: null, new_text: null }));
      Object.assign(record, call.body, { version: record.version + 1 });
      this.log(entity, id, 'update', changes);
      return { status: 200, body: record };
    }
    if (call.method === 'DELETE') {
      this.records[entity] = list.filter((one) => one !== record);
      return { status: 204 };
    }
    return { status: 200, body: this.expanded(definition, record), headers: { ETag: `"${record.version}"` } };
  }

  private check(definition: Entity, input: Record<string, unknown>, creating: boolean): Answer | undefined {
    const errors = definition.fields
      .filter((one) => one.required && !one.system && (creating ? input[one.name] == null : one.name in input && input[one.name] == null))
      .map((one) => ({ field: one.name, code: 'required', message: `请填写${one.label}。` }));
    if (errors.length === 0) return undefined;
    return { status: 422, body: { status: 422, code: 'invalid_record', title: 'Unprocessable Content', detail: errors[0]!.message, errors } };
  }

  /** Groups by one field, counted. */
  private groups(call: Call, definition: Entity, all: RecordData[]): Answer {
    const group = call.query.get('group') ?? '';
    const name = group.split(':')[0]!;
    const counts = new Map<unknown, number>();
    for (const one of all) {
      const value = group.endsWith(':month') && typeof one[name] === 'string' ? `${String(one[name]).slice(0, 7)}-01` : (one[name] ?? null);
      counts.set(group ? value : null, (counts.get(group ? value : null) ?? 0) + 1);
    }
    const label = (value: unknown) => definition.states?.find((one) => one.name === value)?.label;
    const items = [...counts].map(([value, count]) => ({ group: group ? { [group]: value } : {}, label: group && label(value) ? { [group]: label(value) } : {}, count }));
    return { status: 200, body: { items, next: null } };
  }

  private list(call: Call, definition: Entity, all: RecordData[]): Answer {
    const q = call.query.get('q') ?? '';
    // Of a filter only what fields are equal to counts here.
    const wanted = new Map<string, (string | null)[]>();
    for (const [, name, text] of (call.query.get('filter') ?? '').matchAll(/record\.(\w+) == (?:"(\w+)"|null)/g)) wanted.set(name!, [...(wanted.get(name!) ?? []), text ?? null]);
    const found = all.filter((one) => (!q || JSON.stringify(one).includes(q)) && [...wanted].every(([name, values]) => values.includes((one[name] ?? null) as string | null)));
    const keys = (call.query.get('sort') ?? '').split(',').map((one) => ({ name: one.replace(/^-/, ''), sign: one.startsWith('-') ? -1 : 1 }));
    const sorted = [...found].sort((a, b) => keys.map(({ name, sign }) => sign * String(a[name] ?? '').localeCompare(String(b[name] ?? ''), 'zh')).find((order) => order !== 0) ?? 0);
    const from = Number(call.query.get('after') ?? 0);
    const limit = Number(call.query.get('limit') ?? 50);
    const next = from + limit < sorted.length ? String(from + limit) : null;
    return { status: 200, body: { items: sorted.slice(from, from + limit).map((one) => this.expanded(definition, one)), next, total: sorted.length } };
  }

  private expanded(definition: Entity, record: RecordData): RecordData {
    const expanded: RecordData['expanded'] = {};
    for (const one of definition.fields) {
      const id = record[one.name];
      if (one.type !== 'ref' || typeof id !== 'string') continue;
      const target = this.records[one.to ?? '']?.find((other) => other.id === id);
      const title = target ? String(target[this.model.entities[one.to ?? '']?.title ?? 'id']) : one.to === 'core.user' ? this.user.name : undefined;
      if (title) expanded[one.name] = { id, title };
    }
    return { ...record, expanded };
  }

  /** In place of the browser's fetch. */
  readonly fetch = async (input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> => {
    await Promise.resolve();
    if (init.signal?.aborted) throw new DOMException('Aborted', 'AbortError');
    const url = new URL(String(input), 'http://localhost');
    const answer = this.handle({
      method: init.method ?? 'GET',
      path: url.pathname.replace(/^\/api\/v1/, ''),
      query: url.searchParams,
      headers: new Headers(init.headers),
      body: typeof init.body === 'string' ? (JSON.parse(init.body) as unknown) : undefined,
    });
    const text = answer.body === undefined ? null : JSON.stringify(answer.body);
    return new Response(text, { status: answer.status, headers: { 'Content-Type': answer.status >= 400 ? 'application/problem+json' : 'application/json', ...answer.headers } });
  };
}

export function problem(status: number, code: string, detail: string, headers?: Record<string, string>): Answer {
  return { status, body: { type: `/problems/${code}`, title: code, status, code, detail, request_id: 'req-1' }, ...(headers ? { headers } : {}) };
}
