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

  constructor(status: number, problem: Problem, retryAfter?: number) {
    super(problem.detail ?? '');
    this.name = 'ApiError';
    this.status = status;
    this.code = problem.code ?? (status === 0 ? 'network' : 'unknown');
    this.errors = Array.isArray(problem.errors) ? problem.errors.filter((error) => typeof error?.message === 'string') : [];
    this.requestId = problem.request_id;
    this.current = problem.current;
    this.retryAfter = retryAfter;
  }
}

export interface RequestOptions {
  /** Sent as `If-Match: "VERSION"`. */
  version?: number;
  signal?: AbortSignal;
}

type Query = Record<string, string | number | undefined>;

/** Path of a record API, with every part escaped. */
export function recordPath(entity: string, ...parts: string[]): string {
  return ['/records', entity, ...parts].map((part, index) => (index === 0 ? part : encodeURIComponent(part))).join('/');
}

/**
 * Speaks to /api/v1 with the session cookie. Every method resolves with the parsed body (undefined for an empty
 * one) or rejects with ApiError; an aborted request rejects with the browser's AbortError.
 */
export class ApiClient {
  /** Language asked of the server. */
  locale = 'zh-CN';
  /** Called when the server no longer knows the session. */
  onUnauthenticated: (() => void) | undefined;
  private user: { id: string; csrf: string | undefined } | undefined;

  constructor(private readonly base = '/api/v1') {}

  /** Takes the CSRF token of the session; undefined forgets it. */
  remember(user: User | undefined): void {
    this.user = user && { id: user.id, csrf: user.csrf };
  }

  get<T>(path: string, query?: Query, options: RequestOptions = {}): Promise<T> {
    const search = new URLSearchParams();
    for (const [key, value] of Object.entries(query ?? {})) {
      if (value !== undefined && value !== '') search.set(key, String(value));
    }
    const tail = search.toString();
    return this.send<T>('GET', tail ? `${path}?${tail}` : path, undefined, options);
  }

  post<T>(path: string, body?: unknown, options: RequestOptions = {}): Promise<T> {
    return this.send<T>('POST', path, body, options);
  }

  patch<T>(path: string, body: unknown, options: RequestOptions = {}): Promise<T> {
    return this.send<T>('PATCH', path, body, options);
  }

  delete(path: string, options: RequestOptions = {}): Promise<void> {
    return this.send<void>('DELETE', path, undefined, options);
  }

  /** Who is signed in; also takes the session's CSRF token. */
  async me(): Promise<User> {
    const user = await this.get<User>('/me');
    this.remember(user);
    return user;
  }

  private async send<T>(method: string, path: string, body: unknown, options: RequestOptions): Promise<T> {
    try {
      return await this.once<T>(method, path, body, options);
    } catch (error) {
      if (error instanceof ApiError && error.status === 403 && method !== 'GET' && (await this.renewed())) {
        return await this.once<T>(method, path, body, options);
      }
      if (error instanceof ApiError && error.status === 401 && path !== '/session') this.onUnauthenticated?.();
      throw error;
    }
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

  private async once<T>(method: string, path: string, body: unknown, options: RequestOptions): Promise<T> {
    const headers: Record<string, string> = { Accept: 'application/json', 'Accept-Language': this.locale };
    if (body !== undefined) headers['Content-Type'] = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
    if (method !== 'GET' && this.user?.csrf) headers['X-CSRF-Token'] = this.user.csrf;
    if (options.version !== undefined) headers['If-Match'] = `"${options.version}"`;

    let response: Response;
    let text: string;
    try {
      response = await fetch(this.base + path, {
        method,
        headers,
        credentials: 'same-origin',
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...(options.signal ? { signal: options.signal } : {}),
      });
      text = await response.text();
    } catch (error) {
      if (options.signal?.aborted) throw error;
      throw new ApiError(0, {});
    }

    let parsed: unknown;
    try {
      parsed = text ? JSON.parse(text) : undefined;
    } catch {
      parsed = undefined;
    }
    if (response.ok) {
      if (text && parsed === undefined) throw new ApiError(response.status, { code: 'bad_answer' });
      return parsed as T;
    }
    const problem = parsed && typeof parsed === 'object' ? (parsed as Problem) : {};
    const requestId = problem.request_id ?? response.headers.get('X-Request-Id') ?? undefined;
    const wait = Number(response.headers.get('Retry-After') ?? Number.NaN);
    throw new ApiError(
      response.status,
      { ...problem, ...(requestId ? { request_id: requestId } : {}) },
      Number.isFinite(wait) && wait > 0 ? wait : undefined,
    );
  }
}
