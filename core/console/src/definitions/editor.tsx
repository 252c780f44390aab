import { autocompletion, completionKeymap, type CompletionContext, type CompletionResult } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands';
import { yaml } from '@codemirror/lang-yaml';
import { bracketMatching, foldGutter, foldKeymap, HighlightStyle, indentOnInput, indentUnit, syntaxHighlighting } from '@codemirror/language';
import { lintGutter, lintKeymap, setDiagnostics, type Diagnostic } from '@codemirror/lint';
import { highlightSelectionMatches, openSearchPanel, searchKeymap } from '@codemirror/search';
import { Compartment, EditorState } from '@codemirror/state';
import { drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { useEffect, useRef } from 'react';
import { useLanguage } from '../services';
import { kindOf, placeAt, suggestions, type Schema } from './completion';
import { phrasesFor } from './phrases';

export interface Mark {
  line: number;
  column: number;
  severity: 'error' | 'warning';
  message: string;
}

interface Props {
  text: string;
  onChange?: (text: string) => void;
  /** What the editor is called for those who do not see it. */
  label: string;
  describedBy?: string;
  schema?: Schema | undefined;
  known?: readonly string[] | undefined;
  marks?: readonly Mark[];
  readOnly?: boolean;
  dark: boolean;
  /** Where to go; another object goes there again. */
  target?: { line: number; column: number } | undefined;
}

// Colours with a contrast of 4.5 on the background, from style.css.
const highlighting = HighlightStyle.define([
  { tag: [tags.definition(tags.propertyName), tags.propertyName], color: 'var(--primary-text)' },
  { tag: [tags.string, tags.special(tags.string), tags.content], color: 'var(--text)' },
  { tag: [tags.keyword, tags.bool, tags.null, tags.number], color: 'var(--ok)' },
  { tag: tags.comment, color: 'var(--text-3)', fontStyle: 'italic' },
  { tag: [tags.meta, tags.punctuation, tags.separator, tags.squareBracket, tags.brace], color: 'var(--text-2)' },
  { tag: tags.invalid, color: 'var(--danger)' },
]);

const look = (dark: boolean) =>
  EditorView.theme(
    {
      '&': { backgroundColor: 'var(--bg)', color: 'var(--text)', fontSize: '13px', height: '100%' },
      '.cm-scroller': { fontFamily: 'ui-monospace, SFMono-Regular, Menlo, Consolas, "Noto Sans Mono CJK SC", monospace', lineHeight: '20px' },
      '.cm-gutters': { backgroundColor: 'var(--bg-soft)', color: 'var(--text-3)', borderInlineEnd: '1px solid var(--line)' },
      '.cm-activeLine, .cm-activeLineGutter': { backgroundColor: 'transparent' },
      '&.cm-focused .cm-activeLine': { boxShadow: 'inset 0 1px var(--line), inset 0 -1px var(--line)' },
      '&.cm-focused': { outline: '2px solid var(--primary-line-strong)', outlineOffset: '-1px' },
      '.cm-cursor': { borderInlineStartColor: 'var(--text)' },
      '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': { backgroundColor: 'var(--primary-bg-2)' },
      '.cm-tooltip': { backgroundColor: 'var(--bg)', color: 'var(--text)', border: '1px solid var(--line-2)', borderRadius: '6px' },
      '.cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]': { backgroundColor: 'var(--primary)', color: '#fff' },
      '.cm-completionInfo': { maxWidth: '320px' },
      '.cm-diagnostic': { whiteSpace: 'pre-wrap', maxWidth: '480px' },
      '.cm-panels': { backgroundColor: 'var(--bg-soft)', color: 'var(--text)' },
      '.cm-panel input, .cm-panel button': { color: 'var(--text)', backgroundColor: 'var(--bg)', backgroundImage: 'none', border: '1px solid var(--line-3)' },
    },
    { dark },
  );

/** A YAML editor with completion by the schema and marks where something is wrong. Escape, then Tab, leaves it by keyboard. */
export default function Editor({ text, onChange, label, describedBy, schema, known, marks, readOnly = false, dark, target }: Props) {
  const phrases = phrasesFor(useLanguage().language);
  const place = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const latest = useRef({ onChange, schema, known });
  latest.current = { onChange, schema, known };
  const parts = useRef({ look: new Compartment(), attributes: new Compartment(), phrases: new Compartment() });

  useEffect(() => {
    const complete = (context: CompletionContext): CompletionResult | null => {
      const { schema: root, known: names } = latest.current;
      if (!root) return null;
      const whole = context.state.doc.toString();
      const at = placeAt(whole, context.pos);
      if (!at || (!context.explicit && at.typed === '' && at.at === 'key')) return null;
      const options = suggestions(root, kindOf(whole), at, names).map((one) => ({ label: one.label, type: one.type, apply: one.apply, ...(one.info ? { info: one.info } : {}) }));
      return options.length > 0 ? { from: at.from, options, validFor: /^[\w.-]*$/ } : null;
    };
    const own = parts.current;
    const editor = new EditorView({
      parent: place.current!,
      state: EditorState.create({
        doc: text,
        extensions: [
          lineNumbers(), foldGutter(), history(), drawSelection(), indentOnInput(), bracketMatching(), highlightActiveLine(), highlightSelectionMatches(),
          EditorState.readOnly.of(readOnly),
          indentUnit.of('  '), EditorState.tabSize.of(2),
          yaml(), syntaxHighlighting(highlighting), lintGutter(),
          autocompletion({ override: [complete], activateOnTyping: true, icons: false }),
          keymap.of([{ key: 'Mod-f', run: openSearchPanel }, ...completionKeymap, ...searchKeymap, ...foldKeymap, ...lintKeymap, ...historyKeymap, ...defaultKeymap, ...(readOnly ? [] : [indentWithTab])]),
          own.look.of(look(dark)), own.attributes.of([]), own.phrases.of([]),
          EditorView.updateListener.of((update) => {
            if (update.docChanged && !update.transactions.some((one) => one.isUserEvent('sync'))) latest.current.onChange?.(update.state.doc.toString());
          }),
        ],
      }),
    });
    view.current = editor;
    return () => {
      editor.destroy();
      view.current = null;
    };
    // A new text arrives below; the editor itself stays.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [readOnly]);

  useEffect(() => {
    const editor = view.current;
    if (editor && editor.state.doc.toString() !== text) {
      editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: text }, userEvent: 'sync' });
    }
  }, [text, readOnly]);

  useEffect(() => {
    view.current?.dispatch({
      effects: [
        parts.current.look.reconfigure(look(dark)),
        parts.current.attributes.reconfigure(EditorView.contentAttributes.of({ 'aria-label': label, ...(describedBy ? { 'aria-describedby': describedBy } : {}), spellcheck: 'false', tabindex: '0' })),
        parts.current.phrases.reconfigure(EditorState.phrases.of(phrases)),
      ],
    });
  }, [dark, label, describedBy, readOnly, phrases]);

  useEffect(() => {
    const editor = view.current;
    if (!editor) return;
    const found: Diagnostic[] = (marks ?? []).map((one) => {
      const from = offset(editor.state, one.line, one.column);
      const word = /^[\w.-]+/.exec(editor.state.sliceDoc(from, Math.min(from + 80, editor.state.doc.lineAt(from).to)))?.[0].length ?? 1;
      return { from, to: Math.min(from + word, editor.state.doc.length), severity: one.severity, message: one.message };
    });
    editor.dispatch(setDiagnostics(editor.state, found));
  }, [marks, text, readOnly]);

  useEffect(() => {
    const editor = view.current;
    if (!editor || !target) return;
    const at = offset(editor.state, target.line, target.column);
    editor.dispatch({ selection: { anchor: at }, effects: EditorView.scrollIntoView(at, { y: 'center' }) });
    editor.focus();
  }, [target]);

  return <div ref={place} className="yaml-editor" />;
}

/** Of a line and a column that count from 1, the column in characters as people count them. */
function offset(state: EditorState, line: number, column: number): number {
  const found = state.doc.line(Math.min(Math.max(line, 1), state.doc.lines));
  return found.from + [...found.text].slice(0, Math.max(column, 1) - 1).join('').length;
}
