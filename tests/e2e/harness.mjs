// A small frame for checks in a browser: each is named, timed and counted; one that fails does not stop the others.
import { writeFileSync } from 'node:fs';

/** Collects the outcome of checks. `onFailure(name)` may leave evidence. */
export class Checks {
  results = [];

  constructor(onFailure = async () => undefined) {
    this.onFailure = onFailure;
  }

  /** Runs one check. Returns whether it passed. */
  async check(name, body) {
    const began = Date.now();
    let error;
    try {
      await body();
    } catch (caught) {
      error = caught instanceof Error ? caught : new Error(String(caught));
    }
    const seconds = (Date.now() - began) / 1000;
    this.results.push({ name, seconds, error });
    console.log(`${error ? 'FAILED' : 'ok    '} ${name} (${seconds.toFixed(1)} s)`);
    if (error) {
      console.log(`       ${error.message.split('\n').slice(0, 12).join('\n       ')}`);
      await this.onFailure(name).catch(() => undefined);
    }
    return !error;
  }

  get failed() {
    return this.results.filter((result) => result.error).length;
  }

  get passed() {
    return this.results.length - this.failed;
  }

  writeJunit(file) {
    const escape = (text) => text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, '').replace(/[<>&"]/g, (c) => `&#${c.charCodeAt(0)};`);
    const cases = this.results.map(({ name, seconds, error }) => {
      const failure = error ? `<failure message="${escape(error.message)}">${escape(error.stack ?? '')}</failure>` : '';
      return `  <testcase classname="e2e" name="${escape(name)}" time="${seconds}">${failure}</testcase>`;
    });
    writeFileSync(file, `<?xml version="1.0"?>\n<testsuite name="e2e" tests="${this.results.length}" failures="${this.failed}">\n${cases.join('\n')}\n</testsuite>\n`);
  }
}

export function assert(condition, message) {
  if (!condition) throw new Error(message);
}

export function equal(actual, expected, what) {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== b) throw new Error(`${what}: expected ${b}, got ${a}`);
}

/** Waits until `probe` gives something true, and returns it. */
export async function until(probe, what, milliseconds = 10_000) {
  const end = Date.now() + milliseconds;
  for (;;) {
    const value = await probe();
    if (value) return value;
    if (Date.now() > end) throw new Error(`${what}: not within ${milliseconds / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The API with a session of its own, to prepare data and to look behind the page. */
export class Api {
  cookie = '';
  csrf = '';

  constructor(base) {
    this.base = `${base}/api/v1`;
  }

  async send(method, path, body, headers = {}) {
    const response = await fetch(this.base + path, {
      method,
      headers: {
        Accept: 'application/json',
        'Accept-Language': 'zh-CN',
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...(this.cookie ? { Cookie: this.cookie } : {}),
        ...(this.csrf && method !== 'GET' ? { 'X-CSRF-Token': this.csrf } : {}),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text.slice(0, 500)}`);
    return { response, body: text ? JSON.parse(text) : undefined };
  }

  async signIn(username, password) {
    const { response, body } = await this.send('POST', '/session', { username, password });
    this.cookie = response.headers.getSetCookie().map((one) => one.split(';')[0]).join('; ');
    this.csrf = body.csrf;
  }

  get = async (path) => (await this.send('GET', path)).body;
  post = async (path, body) => (await this.send('POST', path, body)).body;
  patch = async (path, body, version = '*') => (await this.send('PATCH', path, body, { 'If-Match': version === '*' ? '*' : `"${version}"` })).body;
}
