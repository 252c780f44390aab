import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

const api = process.env.CARAVAN_URL ?? 'http://127.0.0.1:8080';

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const antd = (names: string) => names.split(' ').map((name) => file(`node_modules/antd/es/${name}/index.js`));

/** What cannot run without which: the public pages share only the first with the console, the sign-in needs three, a list all four. */
const together = [
  { name: 'common', from: [file('src/public/main.tsx')], also: [file('src/main.tsx')] },
  { name: 'console', from: [file('src/main.tsx'), ...antd('alert app button config-provider form input modal result spin theme')] },
  { name: 'entrance', from: [file('src/pages/login.tsx'), ...antd('dropdown')] },
  { name: 'list', from: [file('src/layout/shell.tsx'), file('src/pages/list.tsx'), ...antd('avatar badge breadcrumb card drawer dropdown empty grid layout menu popover segmented select skeleton tag')] },
];

/** It names everything; what is used of it stands above. */
const barrel = file('node_modules/antd/es/index.js');

type Modules = { getModuleInfo: (id: string) => { importedIds: readonly string[] } | null };

/** A browser takes one file sooner than thirty: what the first screen needs is put together, by what imports what. */
function chunkOf(): (id: string, modules: Modules) => string | null {
  const reached = new Map<string, Set<string>>();
  const reach = (roots: readonly string[], modules: Modules) => {
    const key = roots.join();
    let found = reached.get(key);
    if (!found) {
      found = new Set();
      const left = [...roots];
      for (let id = left.pop(); id !== undefined; id = left.pop()) {
        if (found.has(id) || id === barrel) continue;
        found.add(id);
        left.push(...(modules.getModuleInfo(id)?.importedIds ?? []));
      }
      reached.set(key, found);
    }
    return found;
  };
  return (id, modules) => together.find(({ from, also }) => reach(from, modules).has(id) && (!also || reach(also, modules).has(id)))?.name ?? null;
}

export default defineConfig({
  plugins: [react()],
  build: {
    target: 'es2022',
    manifest: true,
    // Pages for people without an account are an application of their own, and know nothing of the console's.
    rolldownOptions: { input: ['index.html', 'public.html'], output: { codeSplitting: { groups: [{ name: chunkOf() }] } } },
    // Browsers that run es2022 preload modules themselves.
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1500,
  },
  server: { proxy: { '/api': api } },
  test: {
    environment: 'jsdom',
    include: ['tests/**/*.test.{ts,tsx}'],
    setupFiles: ['tests/setup.ts'],
    testTimeout: 60_000,
    // Pages of antd are heavy in jsdom; two at a time leave the machine usable.
    maxWorkers: 2,
  },
});
