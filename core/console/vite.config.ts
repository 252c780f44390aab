import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';
import { antdStyles } from './scripts/antd_styles.ts';

const api = process.env.CARAVAN_URL ?? 'http://127.0.0.1:8080';

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const antd = (names: string) => names.split(' ').map((name) => file(`node_modules/antd/es/${name}/index.js`));

/** What cannot run without which: the public pages share only the second with the console, the sign-in needs four, a list all five. */
const together = [
  // It asks for all the others and for the first data, so it must be there before them, and need none of them.
  { name: 'boot', from: [file('src/boot.ts')] },
  { name: 'base', from: [file('src/public/main.tsx')], also: [file('src/main.tsx')] },
  { name: 'console', from: [file('src/main.tsx'), ...antd('alert app button config-provider form input modal result spin theme')] },
  { name: 'entrance', from: [file('src/pages/login.tsx'), ...antd('dropdown')] },
  { name: 'list', from: [file('src/layout/shell.tsx'), file('src/pages/list.tsx'), ...antd('avatar badge breadcrumb dropdown empty grid layout menu popover segmented select skeleton tag')] },
];

/** What every page of the console needs; the page itself tells the browser, which else would hear of it only from the code. */
const always = ['rolldown-runtime', 'base', 'console', 'entrance'];

/** Files of the groups above. */
const togetherFile = new RegExp(`^assets/(${together.map(({ name }) => name).join('|')}|rolldown-runtime)-[\\w-]+\\.js$`);

/** Vite's own part of an `import()`. */
const preloading = 'vite/preload-helper';

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
  return (id, modules) => (id.includes(preloading) ? 'boot' : (together.find(({ from, also }) => reach(from, modules).has(id) && (!also || reach(also, modules).has(id)))?.name ?? null));
}

/** Names files of the build in index.html, so that the browser fetches them beside the first. */
const namedInPage = (names: readonly string[]): Plugin => ({
  name: 'caravan-named-in-page',
  transformIndexHtml: {
    order: 'post',
    handler: (_, { bundle, path }) =>
      !bundle || !path.endsWith('index.html')
        ? []
        : names.map((name) => {
            const chunk = Object.values(bundle).find((one) => one.type === 'chunk' && one.name === name);
            if (!chunk) throw new Error(`The build has no file ${name}.`);
            return { tag: 'link', attrs: { rel: 'modulepreload', crossorigin: true, href: `/${chunk.fileName}` }, injectTo: 'head' };
          }),
  },
});

/** Tells browsers that most of what is in these files runs at once: it is compiled while it is fetched, beside the main thread, and not function by function when called. */
const compiledAhead = (names: readonly string[]): Plugin => ({
  name: 'caravan-compiled-ahead',
  apply: 'build',
  enforce: 'post',
  generateBundle: {
    // It counts in the first line alone.
    order: 'post',
    handler(_, bundle) {
      for (const chunk of Object.values(bundle)) {
        if (chunk.type === 'chunk' && names.includes(chunk.name)) chunk.code = `//# allFunctionsCalledOnLoad\n${chunk.code}`;
      }
    },
  },
});

/** Puts antd's styles where src/antd.css says so; a server for development has them written by the components. */
const antdSheet = (): Plugin => ({
  name: 'caravan-antd-sheet',
  apply: 'build',
  enforce: 'pre',
  load: (id) => (id === file('src/antd.css') ? antdStyles() : null),
});

export default defineConfig({
  plugins: [react(), namedInPage(always), compiledAhead(together.map(({ name }) => name)), antdSheet()],
  build: {
    target: 'es2022',
    manifest: true,
    // Pages for people without an account are an application of their own, and know nothing of the console's.
    rolldownOptions: { input: ['index.html', 'public.html'], output: { codeSplitting: { groups: [{ name: chunkOf() }] } } },
    // Browsers that run es2022 preload modules themselves. What index.html and src/boot.ts have asked for need not be asked for again.
    modulePreload: { polyfill: false, resolveDependencies: (_, files) => files.filter((one) => !togetherFile.test(one)) },
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
