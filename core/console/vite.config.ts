import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

const api = process.env.CARAVAN_URL ?? 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [react()],
  build: {
    target: 'es2022',
    manifest: true,
    // Pages for people without an account are an application of their own, and know nothing of the console's.
    rollupOptions: { input: ['index.html', 'public.html'] },
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
