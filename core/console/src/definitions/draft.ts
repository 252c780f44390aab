import { useSyncExternalStore } from 'react';
import { keepText, keptText } from '../kept';

/** What is typed and not published: texts of the console's documents, kept in the browser. */
export interface Draft {
  /** The revision that it was begun on. */
  base: string;
  documents: DraftDocument[];
}
export interface DraftDocument {
  kind: string;
  name: string;
  /** '' takes the document away. */
  text: string;
  /** What was published when it was begun; '' for nothing. */
  before: string;
}

const key = 'definitions';
const none: Draft = { base: '', documents: [] };
let now: Draft | undefined;
let owner = '';
const listeners = new Set<() => void>();

function read(): Draft {
  try {
    const found: unknown = JSON.parse(keptText(`${key}.${owner}`) || 'null');
    if (typeof found === 'object' && found !== null && 'base' in found && 'documents' in found && Array.isArray(found.documents)) return found as Draft;
  } catch {
    // not sound: as if there were none
  }
  return none;
}

function write(next: Draft): void {
  now = next;
  keepText(`${key}.${owner}`, next.documents.length > 0 ? JSON.stringify(next) : '');
  listeners.forEach((listener) => listener());
}

const current = (): Draft => (now ??= read());

/** Everybody who signs in on this browser has a draft of his own. */
export function draftOf(user: string): void {
  if (user === owner) return;
  owner = user;
  now = undefined;
}

const is = (kind: string, name: string) => (one: { kind: string; name: string }) => one.kind === kind && one.name === name;

export const useDraft = (): Draft =>
  useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }, current);

/** Sets a document's text; what is as it was published belongs to the draft no more. `base`: the revision in use, where the draft begins now. */
export function editDraft(base: string, document: DraftDocument): void {
  const draft = current();
  const others = draft.documents.filter((one) => !is(document.kind, document.name)(one));
  const documents = document.text === document.before ? others : [...others, document];
  write(documents.length === 0 ? none : { base: draft.documents.length > 0 ? draft.base : base, documents });
}

export function dropDocument(kind: string, name: string): void {
  const draft = current();
  const documents = draft.documents.filter((one) => !is(kind, name)(one));
  write(documents.length === 0 ? none : { ...draft, documents });
}

export const dropDraft = (): void => write(none);

/** Goes on from another revision; `texts`: what is published there of documents of the draft. */
export function rebaseDraft(base: string, texts: readonly { kind: string; name: string; theirs: string; text?: string }[]): void {
  const draft = current();
  const documents = draft.documents
    .map((one) => {
      const found = texts.find(is(one.kind, one.name));
      return found ? { ...one, before: found.theirs, text: found.text ?? one.text } : one;
    })
    .filter((one) => one.text !== one.before);
  write(documents.length === 0 ? none : { base, documents });
}

/** As the server takes it. */
export const edits = (draft: Draft): { kind: string; name: string; text: string | null }[] =>
  draft.documents.map(({ kind, name, text }) => ({ kind, name, text: text.trim() === '' ? null : text }));
