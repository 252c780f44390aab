import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { kindOf, placeAt, suggestions, type Schema } from '../src/definitions/completion';

const schema = JSON.parse(readFileSync('../../docs/definitions.schema.json', 'utf8')) as Schema;

/** The place of `|` in a text. */
function at(text: string) {
  const position = text.indexOf('|');
  return placeAt(text.slice(0, position) + text.slice(position + 1), position);
}
function offered(text: string, known: string[] = []): string[] {
  const place = at(text);
  return place ? suggestions(schema, kindOf(text), place, known).map((one) => one.label) : [];
}

describe('the place in a document', () => {
  it.each([
    ['|', [], 'key', ''],
    ['ki|', [], 'key', 'ki'],
    ['kind: |', ['kind'], 'value', ''],
    ['kind: ent|', ['kind'], 'value', 'ent'],
    ['kind: entity\nna|', [], 'key', 'na'],
    ['kind: entity\nfields:\n  |', ['fields'], 'key', ''],
    ['kind: entity\nfields:\n  due: {ty|', ['fields', 'due'], 'key', 'ty'],
    ['kind: entity\nfields:\n  due: {type: da|', ['fields', 'due', 'type'], 'value', 'da'],
    ['kind: entity\nfields:\n  due: {type: date, la|', ['fields', 'due'], 'key', 'la'],
    ['kind: entity\nfields:\n  due: {label: {en: Due}, r|', ['fields', 'due'], 'key', 'r'],
    ['kind: entity\nfields:\n  due: {\n    type: date,\n    l|', ['fields', 'due'], 'key', 'l'],
    ['kind: entity\nfields:\n  due:\n    type: date\n    l|', ['fields', 'due'], 'key', 'l'],
    ['kind: entity\nfields:\n  due:\n    type: date\n  o|', ['fields'], 'key', 'o'],
    ['kind: entity\nfields:\n  due:\n    type: date\nw|', [], 'key', 'w'],
    ['workflow:\n  transitions:\n    win: {from: [new, q|', ['workflow', 'transitions', 'win', 'from', '-'], 'value', 'q'],
    ['list:\n  - name: a\n    va|', ['list', '-'], 'key', 'va'],
    ['list:\n- name: a\n- va|', ['list', '-'], 'key', 'va'],
    ['text: "a: {b"\nna|', [], 'key', 'na'],
    ['# kind: {\nna|', [], 'key', 'na'],
    ['list:\n- name: a\nna|', [], 'key', 'na'],
  ] as const)('%j', (text, path, kind, typed) => {
    expect(at(text)).toMatchObject({ path, at: kind, typed });
  });
  it('is none in a comment or in a text of several lines', () => {
    expect(at('kind: entity # na|')).toBeUndefined();
    const text = 'check: |\n  record.a: ';
    expect(placeAt(text, text.length)).toBeUndefined();
    const after = text + '\nna';
    expect(placeAt(after, after.length)).toMatchObject({ path: [], at: 'key', typed: 'na' });
  });
  it('is found in any beginning of a long text', () => {
    const text = 'kind: entity\nname: a.b\nfields:\n  one: {type: text, label: {en: "O, ne", zh-CN: 一}}\n  two:\n    - x\n    - {y: [1, 2]}\nworkflow: {states: {a: {}, b: null}}\n';
    for (let i = 0; i <= text.length; i += 1) expect(() => placeAt(text, i)).not.toThrow();
  });
});

describe('what may be written', () => {
  it('begins with the kind, then the words of that kind', () => {
    expect(offered('|')).toEqual(['kind']);
    expect(offered('kind: |')).toContain('entity');
    expect(offered('kind: entity\n|')).toEqual(expect.arrayContaining(['name', 'label', 'fields', 'workflow']));
    expect(offered('kind: entity\n|')).not.toContain('kind');
  });
  it('goes down into named maps, and leaves out what stands there already', () => {
    const words = offered('kind: entity\nname: a.b\nfields:\n  due: {type: date, |');
    expect(words).toEqual(expect.arrayContaining(['label', 'required']));
    expect(words).not.toContain('type');
    expect(offered('kind: entity\nworkflow:\n  states:\n    open:\n      |')).toContain('category');
  });
  it('has the values of a word', () => {
    expect(offered('kind: entity\nfields:\n  due: {type: |')).toEqual(expect.arrayContaining(['date', 'money']));
    expect(offered('kind: entity\nworkflow: {states: {open: {category: |')).toEqual(['open', 'waiting', 'done', 'cancelled']);
    expect(offered('kind: entity\nmenu: |')).toEqual(['true', 'false']);
    expect(offered('kind: entity\nicon: |')).toEqual([]);
  });
  it('offers the names that lower layers have where names are free', () => {
    const known = ['fields.due_on.type', 'fields.due_on.label.en', 'fields.note.type', 'workflow.states.new', 'label.en'];
    expect(offered('kind: entity\nfields:\n  |', known)).toEqual(['due_on', 'note']);
    expect(offered('kind: entity\nfields:\n  note: {}\n  |', known)).toEqual(['due_on']);
    expect(offered('kind: entity\nworkflow: {states: {|', known)).toEqual(['new']);
  });
});
