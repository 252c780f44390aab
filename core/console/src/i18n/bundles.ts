import type { Language } from './language';

/** The texts of each language, fetched when asked for. */
export const bundles = {
  'zh-CN': () => import('./bundle_zh_cn'),
  'zh-TW': () => import('./bundle_zh_tw'),
  en: () => import('./bundle_en'),
} satisfies Record<Language, () => Promise<unknown>>;
