import type { Entity, Field, Model } from '../api/types';
import { instantOf } from '../format';
import { isEditable } from '../model';

/** How the columns of a file become the fields of one entity. */
export interface Mapping {
  source: string;
  /** Column with the id of a row in its source; undefined: the number of the row. */
  key: string | undefined;
  /** Field by column; columns without one are left out. */
  fields: Record<string, string>;
}

/** Where rows have ids of their own, whatever file they come in. */
const anyFile = 'import';
const mostBytes = 64;

/**
 * Where the rows of a file come from. Numbers of rows say nothing outside of their file, so it is the file, lest the rows of another overwrite its
 * records; rows that were refused are still rows of the file they were refused from.
 */
export function sourceOf(fileName: string, columns: readonly string[], key: string | undefined, before: string | undefined): string {
  if (key !== undefined) return anyFile;
  if (before && columns.includes('error_row')) return before;
  let name = fileName.trim() || anyFile;
  while (new TextEncoder().encode(name).length > mostBytes) name = [...name].slice(0, -1).join('');
  return name;
}

/** Fields that an import can fill. */
export const importable = (entity: Entity): Field[] => entity.fields.filter((field) => isEditable(field) && field.right === 'write' && field.type !== 'json' && field.type !== 'localized');

const plain = (text: string) => text.toLowerCase().replace(/[\s_\-()（）]+/g, '');

/** The fields whose name or label is the column's, each once. */
export function guess(entity: Entity, columns: readonly string[]): Record<string, string> {
  const free = new Map(importable(entity).flatMap((field) => [[plain(field.name), field.name], [plain(field.label), field.name]]));
  const taken = new Set<string>();
  const found: Record<string, string> = {};
  for (const column of columns) {
    const field = free.get(plain(column));
    if (field === undefined || taken.has(field)) continue;
    taken.add(field);
    found[column] = field;
  }
  return found;
}

/** A text as YAML takes it: JSON's strings are YAML's, too. */
const quoted = (text: string) => JSON.stringify(text);

/** The map as the server reads it. */
export function printMap(model: Model, entity: Entity, mapping: Mapping): string {
  const lines = ['kind: import_map', 'name: console_import', `entity: ${entity.name}`, `source: ${quoted(mapping.source)}`, 'records:', '  row:', `    entity: ${entity.name}`];
  lines.push(mapping.key === undefined ? '    external_id: {expr: "string(row_number)"}' : `    external_id: {column: ${quoted(mapping.key)}}`, '    fields:');
  for (const [column, name] of Object.entries(mapping.fields)) {
    const field = entity.fields.find((one) => one.name === name);
    if (field) lines.push(`      ${name}: {column: ${quoted(column)}${treatment(model, field)}}`);
  }
  return `${lines.join('\n')}\n`;
}

/** `2027/1/5`, `2027.1.5` and `2027年1月5日`, as spreadsheets write days, in CEL; anything else stays, and is refused where it is no date. */
const dayOf = (() => {
  const parts = "value.replace('年', '-').replace('月', '-').replace('日', '').replace('/', '-').replace('.', '-').split('-')";
  const two = (at: number) => `('0' + ${parts}[${at}]).substring(size(${parts}[${at}]) - 1)`;
  return `value.matches('^[0-9]{4}[-/.年][0-9]{1,2}[-/.月][0-9]{1,2}日?$') ? ${parts}[0] + '-' + ${two(1)} + '-' + ${two(2)} : value`;
})();

/** `¥12,000.50`, likewise; not `1,5`, of which nobody knows what it means. */
const numberOf = "value.matches('^-?[¥￥]? ?[0-9]{1,3}(,[0-9]{3})*([.][0-9]+)?$') ? value.replace(',', '').replace('¥', '').replace('￥', '').replace(' ', '') : value";

function treatment(model: Model, field: Field): string {
  const required = field.required ? ', empty: refuse' : '';
  if (field.type === 'date') return `, transform: ${quoted(dayOf)}${required}`;
  if (field.type === 'int' || field.type === 'decimal' || field.type === 'money') return `, transform: ${quoted(numberOf)}${required}`;
  if (field.type === 'choice') {
    // Files say what people read; the names of options are taken, too.
    const labels = new Map((model.choices[field.choices ?? ''] ?? []).map((one) => [one.label, one.name]));
    const pairs = [...labels].map(([label, name]) => `${quoted(label)}: ${quoted(name)}`);
    return pairs.length > 0 ? `, map: {${pairs.join(', ')}}, unmapped: keep${required}` : required;
  }
  if (field.type === 'bool') return `, map: {"是": true, "否": false, "yes": true, "no": false, "1": true, "0": false}, unmapped: keep${required}`;
  if (field.type === 'ref') {
    const title = model.entities[field.to ?? '']?.title ?? 'number';
    return `, lookup: ${title === 'id' ? 'number' : title}, missing: note${required}`;
  }
  return required;
}

/** The names in the first line of a CSV file, by the delimiter that it has most of. */
export function columnsOf(text: string): string[] {
  const body = text.replace(/^\uFEFF/, '');
  const line = firstLine(body);
  const delimiter = [',', ';', '\t', '|'].map((one) => ({ one, count: cells(line, one).length })).sort((a, b) => b.count - a.count)[0]!.one;
  return cells(line, delimiter).map((cell) => cell.trim()).filter((cell) => cell !== '');
}

function firstLine(text: string): string {
  let quotes = false;
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === '"') quotes = !quotes;
    else if (!quotes && (text[at] === '\n' || text[at] === '\r')) return text.slice(0, at);
  }
  return text;
}

function cells(line: string, delimiter: string): string[] {
  const found: string[] = [''];
  let quotes = false;
  for (let at = 0; at < line.length; at += 1) {
    const character = line[at]!;
    if (character === '"' && quotes && line[at + 1] === '"') {
      found[found.length - 1] += '"';
      at += 1;
    } else if (character === '"') quotes = !quotes;
    else if (character === delimiter && !quotes) found.push('');
    else found[found.length - 1] += character;
  }
  return found;
}

/** A cell with a time says what clocks show, without a zone: it is taken for the agency's. */
function dateText(value: Date, timeZone: string): string {
  const wall = new Date(Math.round(value.getTime() / 1000) * 1000).toISOString().slice(0, 19);
  return wall.endsWith('T00:00:00') ? wall.slice(0, 10) : instantOf(wall, timeZone);
}

/** Rows of a spreadsheet as CSV; dates as the API takes them, times by the clocks of `timeZone`. */
export function toCsv(rows: readonly (readonly unknown[])[], timeZone: string): string {
  const cell = (value: unknown): string => {
    if (value === null || value === undefined) return '';
    const text = value instanceof Date ? dateText(value, timeZone) : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return rows.map((row) => row.map(cell).join(',')).join('\r\n') + '\r\n';
}
