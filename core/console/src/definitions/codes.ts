import { useQuery } from '@tanstack/react-query';
import type { Language } from '../i18n';
import { useLanguage } from '../services';

/** A code of the checks in the reader's language: what is wrong, and what to do. */
export interface CodeWords {
  title: string;
  advice: string;
}

// What the checks say themselves is English.
const words: Record<Exclude<Language, 'en'>, () => Promise<{ default: Record<string, CodeWords> }>> = {
  'zh-CN': () => import('./codes_zh_cn.json'),
  'zh-TW': () => import('./codes_zh_tw.json'),
};

const none: Record<string, CodeWords> = {};

/** Codes in the reader's language, fetched when first needed; nothing of a code in English, or while they are on their way. */
export function useCodeWords(): (code: string) => CodeWords | undefined {
  const { language } = useLanguage();
  const { data } = useQuery({ queryKey: ['code-words', language], queryFn: async () => (language === 'en' ? none : (await words[language]()).default), staleTime: Infinity, gcTime: Infinity });
  return (code) => data?.[code];
}
