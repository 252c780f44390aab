/** Languages of the console, the first one by default. */
export const languages = [
  { code: 'zh-CN', label: '简体中文' },
  { code: 'zh-TW', label: '繁體中文' },
  { code: 'en', label: 'English' },
] as const;

export type Language = (typeof languages)[number]['code'];

const storageKey = 'caravan.language';

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

/** Keeps the language for the next visit. */
export function rememberLanguage(language: Language): void {
  try {
    localStorage.setItem(storageKey, language);
  } catch {
    // the choice then lasts until the page is left
  }
}
