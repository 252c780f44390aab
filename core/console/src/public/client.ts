import type { components } from '../api/schema';
import type { PublicLanguage } from './messages';

type Schemas = components['schemas'];
export type AskedField = Schemas['PublicAsked'];
export type ShownField = Schemas['PublicShown'];
export type PublicForm = Schemas['PublicForm'];
export type PublicRecord = Schemas['PublicRecord'];

/** What the server refused, by field; `''` for the whole. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly fields: Record<string, string> = {},
  ) {
    super(message);
  }
}

/** Where the page of this address is asked for: `/public/pages/NAME` or `/public/links/TOKEN`; undefined for any other. */
export function resourceOf(path: string): string | undefined {
  const found = /^\/public\/(pages|links)\/([^/]+)\/?$/.exec(path);
  return found ? `/api/v1/public/${found[1]}/${found[2]}` : undefined;
}

interface Problem {
  detail?: string;
  errors?: { field?: string; message: string }[];
}

/** Asks the server; throws Refused. Without a body it is a GET. */
export async function ask<T>(resource: string, language: PublicLanguage, body?: unknown): Promise<T | undefined> {
  const answer = await fetch(resource, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { 'Accept-Language': language, ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) },
    body: body === undefined ? undefined : JSON.stringify(body),
    credentials: 'omit',
    referrerPolicy: 'no-referrer',
  });
  if (answer.status === 204) return undefined;
  const json: unknown = await answer.json().catch(() => ({}));
  if (answer.ok) return json as T;
  const problem = json as Problem;
  const fields: Record<string, string> = {};
  for (const error of problem.errors ?? []) fields[error.field ?? ''] ??= error.message;
  throw new Refused(answer.status, problem.detail ?? '', fields);
}

/** What was filled in, as the server takes it: numbers and flags as such, empty fields left out. */
export function inputOf(fields: AskedField[], values: Record<string, string | string[]>): Record<string, unknown> {
  const input: Record<string, unknown> = {};
  for (const field of fields) {
    const value = values[field.name];
    if (value === undefined || value.length === 0) continue;
    if (Array.isArray(value)) input[field.name] = value;
    else if (field.type === 'int') input[field.name] = Number(value);
    else if (field.type === 'bool') input[field.name] = value === 'true';
    else if (field.type === 'instant') input[field.name] = new Date(value).toISOString();
    else input[field.name] = value;
  }
  return input;
}
