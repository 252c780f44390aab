import { takeEarly } from '../early';
import { bodyOf, parseJson } from './body';
import type { paths } from './schema';
import { apiBase, target, type Places } from './target';
import type { FieldError, Problem, RecordData, User } from './types';

/** A request that was refused or did not arrive. `status` is 0 where there was no answer. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly errors: FieldError[];
  readonly requestId: string | undefined;
  /** Of 412: the record as it stands on the server. */
  readonly current: RecordData | undefined;
  /** Seconds to wait, where the server says so. */
  readonly retryAfter: number | undefined;
  /** Of 410: the record that this one was merged into. */
  readonly mergedInto: { entity: string; id: string } | undefined;

  constructor(status: number, problem: Problem, retryAfter?: number) {
    super(problem.detail ?? '');
    this.name = 'ApiError';
    this.status = status;
    this.code = problem.code ?? (status === 0 ? 'network' : 'unknown');
    this.errors = Array.isArray(problem.errors) ? problem.errors.filter((error) => typeof error?.message === 'string') : [];
    this.requestId = problem.request_id;
    this.current = problem.current;
    this.retryAfter = retryAfter;
    this.mergedInto = problem.merged_into;
  }
}

type Verb = 'get' | 'post' | 'patch' | 'delete';
/** Paths of the API that take a method. */
type Path<M extends Verb> = { [P in keyof paths]: paths[P] extends Record<M, object> ? P : never }[keyof paths];
type Operation<M extends Verb, P extends keyof paths> = paths[P] extends Record<M, infer O> ? O : never;
type Json<T> = T extends { content: { 'application/json': infer J } } ? J : never;
/** What an operation answers when all goes well. */
type Answered<O> = O extends { responses: infer R } ? (Extract<keyof R, 200 | 201> extends never ? void : Json<R[Extract<keyof R, 200 | 201>]>) : never;
type Body<O> = O extends { requestBody?: { content: infer C } } ? C[keyof C] : undefined;
type Parameters<O, In extends 'path' | 'query'> = O extends { parameters: { [K in In]?: infer T } } ? NonNullable<T> : never;

export interface RequestOptions {
  /** Sent as `If-Match: "VERSION"`. */
  version?: number;
  signal?: AbortSignal;
  /** Sent as `Idempotency-Key`: the same request is done once, however often it is sent. */
  key?: string;
}
/** Empty and undefined query parameters are left out. */
type Options<O> = RequestOptions & ([Parameters<O, 'query'>] extends [never] ? object : { query?: { [K in keyof Parameters<O, 'query'>]?: Parameters<O, 'query'>[K] | undefined } });
/** What an answer that is a file brought. */
export interface ReceivedFile {
  blob: Blob;
  /** As the server calls it. */
  name: string | undefined;
  headers: Headers;
}
interface FileOptions {
  /** Told of bytes that have come, and of how many there will be where that is known. */
  onProgress?: (done: number, all: number | undefined) => void;
}
/** The last argument: it may be left out where the path has no places. */
type Rest<O> = [Parameters<O, 'path'>] extends [never] ? [options?: Options<O>] : [options: Options<O> & { path: Parameters<O, 'path'> }];

/** What must not happen twice where the first answer was lost and the user tries again. */
const happensOnce = new Set(['/records/{entity}', '/records/{entity}/{id}/comments', '/records/{entity}/{id}/transitions/{name}']);

/** Not randomUUID, which pages without TLS have not. */
const newKey = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');

/**
 * Speaks to /api/v1 with the session cookie. Paths, parameters, bodies and answers are typed by the server's own
 * description (schema.d.ts). Every method resolves with the parsed body (undefined for an empty
 * one) or rejects with ApiError; an aborted request rejects with the browser's AbortError.
 */
export class ApiClient {
  /** Language asked of the server. */
  locale = 'zh-CN';
  /** Called when the server no longer knows the session. */
  onUnauthenticated: (() => void) | undefined;
  private user: { id: string; csrf: string | undefined } | undefined;
  /** Keys of requests whose answers were lost, by what was asked. */
  private readonly unanswered = new Map<string, string>();

  constructor(private readonly base = apiBase) {}

  /** Takes the CSRF token of the session; undefined forgets it. */
  remember(user: User | undefined): void {
    this.user = user && { id: user.id, csrf: user.csrf };
  }

  get<P extends Path<'get'>>(path: P, ...[options]: Rest<Operation<'get', P>>): Promise<Answered<Operation<'get', P>>> {
    return this.send('GET', path, undefined, options as Places | undefined);
  }

  post<P extends Path<'post'>>(path: P, body: Body<Operation<'post', P>>, ...[options]: Rest<Operation<'post', P>>): Promise<Answered<Operation<'post', P>>> {
    return happensOnce.has(path) ? this.sendOnce(path, body, options as Places | undefined) : this.send('POST', path, body, options as Places | undefined);
  }

  /** Sends a form with files. */
  upload<P extends Path<'post'>>(path: P, form: FormData, ...[options]: Rest<Operation<'post', P>>): Promise<Answered<Operation<'post', P>>> {
    return this.send('POST', path, form, options as Places | undefined);
  }

  patch<P extends Path<'patch'>>(path: P, body: Body<Operation<'patch', P>>, ...[options]: Rest<Operation<'patch', P>>): Promise<Answered<Operation<'patch', P>>> {
    return this.send('PATCH', path, body, options as Places | undefined);
  }

  delete<P extends Path<'delete'>>(path: P, ...[options]: Rest<Operation<'delete', P>>): Promise<Answered<Operation<'delete', P>>> {
    return this.send('DELETE', path, undefined, options as Places | undefined);
  }

  /** Fetches an answer that is a file. */
  async file<P extends Path<'get'>>(path: P, options: Options<Operation<'get', P>> & { path?: Parameters<Operation<'get', P>, 'path'> } & FileOptions): Promise<ReceivedFile> {
    const session = this.user?.csrf;
    const response = await this.reach('GET', target(path, options as Places), undefined, options);
    if (!response.ok) {
      const refused = this.refusal(response, parseJson(await response.text().catch(() => '')));
      if (refused.status === 401) {
        if (this.begunAnew(session)) return await this.file(path, options);
        this.onUnauthenticated?.();
      }
      throw refused;
    }
    const length = Number(response.headers.get('Content-Length') ?? Number.NaN);
    const all = Number.isFinite(length) && length > 0 && !response.headers.get('Content-Encoding') ? length : undefined;
    const parts: BlobPart[] = [];
    try {
      const reader = response.body?.getReader();
      let done = 0;
      for (let piece = await reader?.read(); piece && !piece.done; piece = await reader?.read()) {
        parts.push(piece.value);
        done += piece.value.length;
        options.onProgress?.(done, all);
      }
    } catch (error) {
      if (options.signal?.aborted) throw error;
      throw new ApiError(0, {});
    }
    return { blob: new Blob(parts, { type: response.headers.get('Content-Type') ?? '' }), name: fileName(response.headers.get('Content-Disposition')), headers: response.headers };
  }

  /** Who is signed in; also takes the session's CSRF token. */
  async me(): Promise<User> {
    const user = await this.get('/me');
    this.remember(user);
    return user;
  }

  /** The same request, sent again after its answer was lost, is the same deed. */
  private async sendOnce<T>(template: string, body: unknown, options: RequestOptions & Places = {}): Promise<T> {
    const what = JSON.stringify([target(template, options), options.version, this.user?.id, body]);
    const key = this.unanswered.get(what) ?? newKey();
    try {
      const answer = await this.send<T>('POST', template, body, { ...options, key });
      this.unanswered.delete(what);
      return answer;
    } catch (error) {
      // Of what a server in between says nobody knows whether it came to ours.
      if (error instanceof ApiError && (error.status === 0 || error.status >= 502 || error.code === 'idempotency_key_in_use')) this.unanswered.set(what, key);
      else this.unanswered.delete(what);
      throw error;
    }
  }

  private async send<T>(method: string, template: string, body: unknown, options: RequestOptions & Places = {}): Promise<T> {
    const path = target(template, options);
    const session = this.user?.csrf;
    try {
      return await this.once<T>(method, path, body, options);
    } catch (error) {
      if (error instanceof ApiError && error.status === 403 && method !== 'GET' && (await this.renewed())) {
        return await this.once<T>(method, path, body, options);
      }
      if (error instanceof ApiError && error.status === 401 && path !== '/session') {
        if (this.begunAnew(session)) return await this.send<T>(method, template, body, options);
        this.onUnauthenticated?.();
      }
      throw error;
    }
  }

  /** Whether the user has signed in again since a request of that session was sent: a refusal that comes late says nothing of the session of now. */
  private begunAnew(session: string | undefined): boolean {
    return this.user !== undefined && this.user.csrf !== session;
  }

  /** Whether the refused request carried an outdated CSRF token of the same user (signed in again in another tab). */
  private async renewed(): Promise<boolean> {
    const before = this.user;
    if (!before) return false;
    const now = await this.once<User>('GET', '/me', undefined, {}).catch(() => undefined);
    if (!now?.csrf || now.id !== before.id || now.csrf === before.csrf) return false;
    this.remember(now);
    return true;
  }

  /** Sends one request; what does not arrive is an ApiError of status 0. */
  private async reach(method: string, path: string, body: unknown, options: RequestOptions): Promise<Response> {
    const headers: Record<string, string> = { Accept: 'application/json', 'Accept-Language': this.locale };
    const form = body instanceof FormData; // the browser says its type, with the boundary
    if (body !== undefined && !form) headers['Content-Type'] = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
    if (method !== 'GET' && this.user?.csrf) headers['X-CSRF-Token'] = this.user.csrf;
    if (options.key !== undefined) headers['Idempotency-Key'] = options.key;
    if (options.version !== undefined) headers['If-Match'] = `"${options.version}"`;
    const early = method === 'GET' ? takeEarly(this.base + path, this.locale) : undefined;
    try {
      if (early) return await early;
      return await fetch(this.base + path, {
        method,
        headers,
        credentials: 'same-origin',
        ...(body === undefined ? {} : { body: form ? body : JSON.stringify(body) }),
        ...(options.signal ? { signal: options.signal } : {}),
      });
    } catch (error) {
      if (options.signal?.aborted) throw error;
      throw new ApiError(0, {});
    }
  }

  private refusal(response: Response, parsed: unknown): ApiError {
    const problem = parsed && typeof parsed === 'object' ? (parsed as Problem) : {};
    const requestId = problem.request_id ?? response.headers.get('X-Request-Id') ?? undefined;
    const wait = Number(response.headers.get('Retry-After') ?? Number.NaN);
    return new ApiError(response.status, { ...problem, ...(requestId ? { request_id: requestId } : {}) }, Number.isFinite(wait) && wait > 0 ? wait : undefined);
  }

  private async once<T>(method: string, path: string, body: unknown, options: RequestOptions): Promise<T> {
    const response = await this.reach(method, path, body, options);
    let answered: Awaited<ReturnType<typeof bodyOf>>;
    try {
      answered = await bodyOf(response);
    } catch (error) {
      if (options.signal?.aborted) throw error;
      throw new ApiError(0, {});
    }
    const { empty, value: parsed } = answered;
    if (!response.ok) throw this.refusal(response, parsed);
    if (!empty && parsed === undefined) throw new ApiError(response.status, { code: 'bad_answer' });
    return parsed as T;
  }
}

/** The name that a Content-Disposition gives (RFC 6266), the one in UTF-8 before the plain one. */
export function fileName(header: string | null): string | undefined {
  const extended = /filename\*=UTF-8''([^;\s]+)/i.exec(header ?? '')?.[1];
  if (extended) {
    try {
      return decodeURIComponent(extended);
    } catch {
      // then the plain one
    }
  }
  return /filename="([^"]+)"/i.exec(header ?? '')?.[1];
}
