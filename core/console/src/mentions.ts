import { celString } from './filter';

/** Somebody who is named in a text without having been chosen from a list. */
export interface Named {
  /** As it stands there, up to the first blank or mark. */
  said: string;
  /** Names that this may be, the longest first. */
  names: string[];
}

const word = '[^\\s@，。、；：！？,;:!?()（）“”"<>]+';
// Not in the midst of an address of mail.
const mention = new RegExp(`(?<![A-Za-z0-9._%+-])@(${word}(?: ${word}){0,2})`, 'gu');
const ending = /[.…~～]+$/;

/** Who is named by `@` in the text, but for those whose names are `known`. */
export function namedIn(text: string, known: readonly string[]): Named[] {
  const found: Named[] = [];
  for (const match of text.matchAll(mention)) {
    const rest = text.slice(match.index + 1);
    if (known.some((name) => rest.startsWith(name))) continue;
    const words = match[1]!.split(' ');
    const parts = words.map((_, index) => words.slice(0, words.length - index).join(' '));
    found.push({ said: words[0]!.replace(ending, '') || words[0]!, names: [...new Set(parts.flatMap((one) => [one, one.replace(ending, '')]))].filter(Boolean) });
  }
  return found;
}

/** Colleagues who may be meant, in CEL. */
export function meantBy(named: readonly Named[]): string {
  const names = [...new Set(named.flatMap((one) => one.names))].slice(0, 60).map(celString);
  const users = [...new Set(names.map((one) => one.toLowerCase()))];
  return `record.active == true && (record.name in [${names.join(', ')}] || record.username in [${users.join(', ')}])`;
}

interface Colleague {
  id: string;
  name?: unknown;
  username?: unknown;
}

/** Ids of those who are named, and the names that nobody has, or several have. */
export function whoIsNamed(named: readonly Named[], colleagues: readonly Colleague[]): { ids: string[]; doubtful: string[] } {
  const ids = new Set<string>();
  const doubtful: string[] = [];
  for (const { said, names } of named) {
    const fitting = names.map((name) => colleagues.filter((one) => one.name === name || one.username === name.toLowerCase())).find((some) => some.length > 0) ?? [];
    if (fitting.length === 1) ids.add(fitting[0]!.id);
    else doubtful.push(said);
  }
  return { ids: [...ids], doubtful: [...new Set(doubtful)] };
}
