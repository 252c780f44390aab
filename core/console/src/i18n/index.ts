import type { Locale as AntdLocale } from 'antd/es/locale';
import dayjs from 'dayjs';
import i18next from 'i18next';
import { initReactI18next } from 'react-i18next';
import { bundles } from './bundles';
import { rememberLanguage, type Language } from './language';

export { initialLanguage, languageFor, languages, type Language } from './language';

const antdLocales = new Map<string, AntdLocale>();

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
  rememberLanguage(language);
}

/** Texts of antd's own components, for a language that was loaded. */
export function antdLocale(language: string): AntdLocale | undefined {
  return antdLocales.get(language);
}

export { i18next };
