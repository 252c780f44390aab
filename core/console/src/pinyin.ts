import { useEffect, useState } from 'react';

type Match = (text: string, typed: string) => unknown;
let loaded: Match | undefined;
let loading: Promise<Match> | undefined;

/** The library is fetched when somebody first types letters into a choice. */
function load(): Promise<Match> {
  loading ??= import('pinyin-pro').then(({ match }) => (loaded = (text, typed) => match(text, typed, { continuous: true })));
  return loading;
}

const latin = /^[a-z' ]+$/i;

/** Whether a label fits what was typed: by its characters, or by their pinyin, whole or first letters. */
export function matchesTyped(label: string, typed: string, pinyin: Match | undefined = loaded): boolean {
  const words = typed.trim().toLowerCase();
  if (words === '' || label.toLowerCase().includes(words)) return true;
  return latin.test(words) && pinyin !== undefined && pinyin(label, words) !== null;
}

/** For `filterOption` of a choice; what was typed is matched once more when the library has come. `atOnce`: it is fetched before anything is typed. */
export function usePinyinFilter(atOnce = false): (typed: string, option?: { label?: unknown }) => boolean {
  const [, ready] = useState(loaded !== undefined);
  const [wanted, want] = useState(atOnce);
  useEffect(() => {
    if (!wanted) return undefined;
    let here = true;
    void load().then(
      () => here && ready(true),
      () => undefined, // without the library characters still match
    );
    return () => {
      here = false;
    };
  }, [wanted]);
  return (typed, option) => {
    // A choice asks while it is drawn.
    if (!wanted && latin.test(typed.trim())) queueMicrotask(() => want(true));
    return matchesTyped(String(option?.label ?? ''), typed);
  };
}

const collators = new Map<string, Intl.Collator>();

/** Names in the order of a reader of that language: Chinese by pinyin (strokes in Traditional), numbers by value. */
export function compareNames(language: string): (a: string, b: string) => number {
  let collator = collators.get(language);
  if (!collator) collators.set(language, (collator = new Intl.Collator(language, { numeric: true })));
  return collator.compare;
}
