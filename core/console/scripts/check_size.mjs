// Fails where what the browser must load for the first screen is above the limit. Reads dist/.vite/manifest.json.
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const limitKiB = 500;
const dist = new URL('../dist/', import.meta.url);
const manifest = JSON.parse(readFileSync(new URL('.vite/manifest.json', dist), 'utf8'));

/** Sources that may stand in a file with others (vite.config.ts): that file. */
const named = (name) => Object.entries(manifest).find(([key, chunk]) => chunk.name === name && key.startsWith('_'))?.[1];
const grouped = { 'index.html': named('boot'), 'src/main.tsx': named('console'), 'src/pages/login.tsx': named('entrance'), 'src/layout/shell.tsx': named('list'), 'src/pages/list.tsx': named('list') };

/** Files that `keys` need before they can run: themselves, their static imports, their styles. */
function closure(keys) {
  const seen = new Set();
  const files = new Set();
  const visit = (key) => {
    if (seen.has(key)) return;
    seen.add(key);
    const chunk = manifest[key] ?? grouped[key];
    if (!chunk) throw new Error(`The manifest does not name ${key}.`);
    files.add(chunk.file);
    for (const css of chunk.css ?? []) files.add(css);
    for (const next of chunk.imports ?? []) visit(next);
  };
  keys.forEach(visit);
  return files;
}

const kib = (files) => [...files].reduce((sum, file) => sum + gzipSync(readFileSync(new URL(file, dist))).length, 0) / 1024;

const first = closure(['index.html', 'src/main.tsx']);
const locale = closure(['src/i18n/bundle_zh_cn.ts']);
const frame = 'src/layout/shell.tsx';
const routes = { login: ['src/pages/login.tsx'], list: [frame, 'src/pages/list.tsx'], record: [frame, 'src/pages/record.tsx'], form: [frame, 'src/pages/edit.tsx'] };
const sizes = Object.entries(routes).map(([name, keys]) => [name, kib(new Set([...first, ...locale, ...closure(keys)]))]);

// The initial route is the sign-in; a user with a session begins on a list, so that is held to the same limit.
let failed = false;
for (const [name, size] of sizes) {
  const initial = name === 'login' || name === 'list';
  const over = initial && size > limitKiB;
  failed ||= over;
  console.log(`${name.padEnd(7)} ${size.toFixed(1).padStart(6)} KiB gzipped${initial ? ` (limit ${limitKiB})` : ''}${over ? '  TOO LARGE' : ''}`);
}
// On a telephone somewhere on a journey.
const publicKiB = kib(closure(['public.html'])), publicLimitKiB = 80;
failed ||= publicKiB > publicLimitKiB;
console.log(`public  ${publicKiB.toFixed(1).padStart(6)} KiB gzipped (limit ${publicLimitKiB})${publicKiB > publicLimitKiB ? '  TOO LARGE' : ''}`);
process.exit(failed ? 1 : 0);
