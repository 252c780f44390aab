import type { Locale as AntdLocale } from 'antd/es/locale';
import dayjs from 'dayjs';
import i18next from 'i18next';
import { initReactI18next } from 'react-i18next';

/** Languages of the console, the first one by default. */
export const languages = [
  { code: 'zh-CN', label: '简体中文' },
  { code: 'zh-TW', label: '繁體中文' },
  { code: 'en', label: 'English' },
] as const;

export type Language = (typeof languages)[number]['code'];

const bundles = {
  'zh-CN': () => import('./bundle_zh_cn'),
  'zh-TW': () => import('./bundle_zh_tw'),
  en: () => import('./bundle_en'),
} satisfies Record<Language, () => Promise<unknown>>;

const storageKey = 'caravan.language';
const antdLocales = new Map<string, AntdLocale>();

/** The nearest language of ours to a BCP 47 tag. */
export function languageFor(tag: string | null | undefined): Language | undefined {
  if (!tag) return undefined;
  if (/^zh\b/i.test(tag)) return /hant|[-_](tw|hk|mo)\b/i.test(tag) ? 'zh-TW' : 'zh-CN';
  return /^en\b/i.test(tag) ? 'en' : undefined;
}

/** Simplified Chinese, unless chosen otherwise before or the browser asks for Traditional. */
export function initialLanguage(): Language {
  const browser = navigator.languages.find((tag) => /^zh\b/i.test(tag));
  return languageFor(remembered()) ?? languageFor(browser) ?? 'zh-CN';
}

function remembered(): string | null {
  try {
    return localStorage.getItem(storageKey);
  } catch {
    return null; // storage may be forbidden
  }
}

/** Loads a language and makes everything speak it. */
export async function switchLanguage(language: Language): Promise<void> {
  const bundle = (await bundles[language]()).default;
  antdLocales.set(language, bundle.antd);
  dayjs.locale(bundle.dayjs);
  if (!i18next.isInitialized) {
    await i18next.use(initReactI18next).init({
      lng: language,
      fallbackLng: false,
      resources: { [language]: { translation: bundle.messages } },
      interpolation: { escapeValue: false }, // React escapes
      returnNull: false,
    });
  } else {
    i18next.addResourceBundle(language, 'translation', bundle.messages);
    await i18next.changeLanguage(language);
  }
  document.documentElement.lang = language;
  try {
    localStorage.setItem(storageKey, language);
  } catch {
    // the choice then lasts until the page is left
  }
}

/** Texts of antd's own components, for a language that was loaded. */
export function antdLocale(language: string): AntdLocale | undefined {
  return antdLocales.get(language);
}

export { i18next };
