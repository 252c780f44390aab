import { cleanup, configure } from '@testing-library/react';
import { afterEach, beforeAll, beforeEach, vi } from 'vitest';
import { switchLanguage } from '../src/i18n';

// What jsdom lacks and antd asks for.
window.matchMedia ??= (query: string) =>
  ({ matches: /min-width/.test(query), media: query, onchange: null, addListener() {}, removeListener() {}, addEventListener() {}, removeEventListener() {}, dispatchEvent: () => false }) as MediaQueryList;
globalThis.ResizeObserver ??= class {
  observe() {}
  unobserve() {}
  disconnect() {}
};
window.scrollTo = () => undefined;
Element.prototype.scrollIntoView = () => undefined;
// Resolving antd's style sheets for every query takes jsdom seconds; what hides an element here is its own style.
window.getComputedStyle = (element: Element) => (element as HTMLElement).style;
configure({ asyncUtilTimeout: 30_000 });

beforeAll(() => switchLanguage('zh-CN'));

beforeEach(async () => {
  localStorage.clear();
  sessionStorage.clear();
  await switchLanguage('zh-CN');
});

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});
