import { beforeEach, describe, expect, it, vi } from 'vitest';
import { ApiClient, ApiError } from '../src/api/client';
import { target } from '../src/api/target';
import { FakeServer, problem } from './fake_server';

let server: FakeServer;
let api: ApiClient;

beforeEach(() => {
  server = new FakeServer();
  vi.stubGlobal('fetch', server.fetch);
  api = new ApiClient();
});

const failure = async (promise: Promise<unknown>): Promise<ApiError> => {
  const error: unknown = await promise.then(() => undefined, (reason: unknown) => reason);
  if (!(error instanceof ApiError)) throw new Error(`expected an ApiError, got ${String(error)}`);
  return error;
};

describe('requests', () => {
  it('carry the CSRF token when they change something, and only then', async () => {
    await api.me();
    await api.patch('/me', { locale: 'en' });
    expect(server.callsTo('GET', '/me')[0]?.headers.get('X-CSRF-Token')).toBeNull();
    expect(server.callsTo('PATCH', '/me')[0]?.headers.get('X-CSRF-Token')).toBe('token-1');
  });

  it('ask for the language and leave out empty parameters', async () => {
    api.locale = 'zh-TW';
    await api.get('/records/{entity}', { path: { entity: 'demo.task' }, query: { sort: '-id', q: '', filter: undefined, limit: 5 } });
    const call = server.callsTo('GET', '/records/demo.task')[0];
    expect(call?.headers.get('Accept-Language')).toBe('zh-TW');
    expect(call?.query.toString()).toBe('sort=-id&limit=5');
  });

  it('name the version that is changed', async () => {
    const record = server.add('demo.person', { name: '王芳' });
    await api.me();
    await api.patch('/records/{entity}/{id}', { name: '李伟' }, { path: { entity: 'demo.person', id: record.id }, version: 1 });
    expect(server.callsTo('PATCH', `/records/demo.person/${record.id}`)[0]?.headers.get('If-Match')).toBe('"1"');
  });

  it('of a session that has been begun anew meanwhile are asked again, and end nothing', async () => {
    const user = await api.me();
    const real = server.fetch;
    let refuse = () => {};
    const refused = new Promise<Response>((resolve) => {
      refuse = () => resolve(new Response(JSON.stringify({ status: 401, code: 'unauthenticated' }), { status: 401 }));
    });
    let first = true;
    vi.stubGlobal('fetch', (input: RequestInfo | URL, init?: RequestInit) => {
      if (!first) return real(input, init);
      first = false;
      return refused;
    });
    const ended = vi.fn();
    api.onUnauthenticated = ended;
    const listed = api.get('/records/{entity}', { path: { entity: 'demo.task' } });
    api.remember({ ...user, csrf: 'token-2' });
    refuse();
    expect((await listed).items).toEqual([]);
    expect(ended).not.toHaveBeenCalled();
  });

  it('are the same deed where they are sent again because no answer came', async () => {
    await api.me();
    let lost = true;
    const keys: (string | null)[] = [];
    const real = server.fetch;
    vi.stubGlobal('fetch', async (input: RequestInfo | URL, init?: RequestInit) => {
      const answer = await real(input, init);
      if (init?.method !== 'POST') return answer;
      keys.push(new Headers(init.headers).get('Idempotency-Key'));
      if (lost) throw new TypeError('network');
      return answer;
    });
    const create = (name: string) => api.post('/records/{entity}', { name }, { path: { entity: 'demo.person' } });
    expect(await failure(create('王芳'))).toMatchObject({ status: 0 });
    lost = false;
    await create('王芳');
    await create('王芳');
    await create('李伟');
    expect(keys[0]).toMatch(/^[0-9a-f]{32}$/);
    expect(keys[1]).toBe(keys[0]);
    expect(new Set(keys).size).toBe(3);
  });

  it('escape what comes from data', () => {
    expect(target('/records/{entity}/{id}', { path: { entity: 'a/b', id: '7?x' } })).toBe('/records/a%2Fb/7%3Fx');
    expect(() => target('/records/{entity}')).toThrow('{entity}');
  });
});

describe('a refusal', () => {
  it('is parsed as a problem', async () => {
    server.overrides.push(() => ({ status: 422, body: { status: 422, code: 'invalid_record', detail: '人数不对', request_id: 'r1', errors: [{ field: 'people', code: 'min', message: '至少 1 人' }, null] } }));
    const error = await failure(api.post('/records/{entity}', {}, { path: { entity: 'demo.task' } }));
    expect(error).toMatchObject({ status: 422, code: 'invalid_record', message: '人数不对', requestId: 'r1', errors: [{ field: 'people', message: '至少 1 人' }] });
  });

  it('need not be JSON', async () => {
    vi.stubGlobal('fetch', () => Promise.resolve(new Response('<h1>Bad Gateway</h1>', { status: 502, headers: { 'X-Request-Id': 'r2' } })));
    expect(await failure(api.get('/me'))).toMatchObject({ status: 502, code: 'unknown', requestId: 'r2', errors: [] });
  });

  it('may say how long to wait', async () => {
    server.overrides.push(() => problem(429, 'too_many_requests', 'Wait.', { 'Retry-After': '30' }));
    expect(await failure(api.post('/session', { username: '', password: '' }))).toMatchObject({ status: 429, retryAfter: 30 });
  });

  it('is told apart from an answer that never came', async () => {
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('failed')));
    expect(await failure(api.get('/me'))).toMatchObject({ status: 0, code: 'network' });
  });

  it('for a token that another tab renewed is tried again with the new one', async () => {
    await api.me();
    server.csrf = 'token-2';
    await api.patch('/me', { locale: 'en' });
    expect(server.user.locale).toBe('en');
  });

  it('for lack of rights is not tried again', async () => {
    await api.me();
    server.overrides.push((call) => (call.method === 'PATCH' ? problem(403, 'forbidden', 'No.') : undefined));
    await failure(api.patch('/me', {}));
    expect(server.callsTo('PATCH', '/me')).toHaveLength(1);
  });

  it('of the session is reported, but not for wrong passwords', async () => {
    const gone = vi.fn();
    api.onUnauthenticated = gone;
    server.signedIn = false;
    await failure(api.post('/session', { username: 'admin', password: 'wrong' }));
    expect(gone).not.toHaveBeenCalled();
    await failure(api.get('/model'));
    expect(gone).toHaveBeenCalledOnce();
  });
});
