/** What may be written at a place of a YAML document, by the JSON Schema of the language. Pure. */

export interface Schema {
  $ref?: string;
  description?: string;
  type?: string | string[];
  enum?: unknown[];
  const?: unknown;
  properties?: Record<string, Schema>;
  additionalProperties?: boolean | Schema;
  items?: Schema;
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  $defs?: Record<string, Schema>;
}

export interface Place {
  /** Keys from the outside to the inside; `-` stands for an item of a list. */
  path: string[];
  /** Whether a key is being written, or a value of the last part of the path. */
  at: 'key' | 'value';
  /** What is written of it. */
  typed: string;
  /** Where that begins. */
  from: number;
  /** Keys that stand beside it already. */
  beside: Set<string>;
  flow: boolean;
}

interface Level {
  indent: number; // of its keys; -1 in brackets
  kind: 'block' | 'map' | 'list';
  keys: Set<string>;
  key?: string | undefined; // whose value is open
}

const keyPattern = /^(?:"([^"]*)"|'([^']*)'|([^\s:{}[\],"'#][^:{}[\],#]*?))\s*:(?=\s|$)/;

/** Reads the text up to `position`; undefined within a comment or a text of several lines. */
export function placeAt(text: string, position: number): Place | undefined {
  const stack: Level[] = [{ indent: 0, kind: 'block', keys: new Set() }];
  const top = () => stack[stack.length - 1]!;
  let literal = -1; // the indent above which lines belong to a text of several lines
  let start = 0;
  for (;;) {
    const newline = text.indexOf('\n', start);
    const end = newline < 0 ? text.length : newline;
    const last = position <= end;
    const line = text.slice(start, last ? position : end);
    const indent = line.length - line.trimStart().length;
    const blank = line.trim() === '';
    if (literal >= 0 && (blank ? !last || indent > literal : indent > literal)) {
      if (last) return undefined;
      start = end + 1;
      continue;
    }
    literal = -1;
    const brackets = top().kind !== 'block';
    if (!last && (blank || (line.trimStart().startsWith('#') && !brackets))) {
      start = end + 1;
      continue;
    }
    let i = indent;
    if (!brackets) {
      while (stack.length > 1 && top().kind === 'block' && top().indent > i) stack.pop();
      const item = line.startsWith('- ', i);
      if (!item && stack.length > 1 && top().key === '-' && top().indent === i) stack.pop();
      // An open key takes what is deeper; a list may also begin right under it.
      if (top().key !== undefined && (i > top().indent || (item && top().key !== '-'))) stack.push({ indent: i, kind: 'block', keys: new Set() });
      else top().key = undefined;
      while (line.startsWith('- ', i)) {
        if (top().key === undefined || top().key !== '-') top().key = '-';
        i += 2;
        while (line[i] === ' ') i += 1;
        stack.push({ indent: i, kind: 'block', keys: new Set() });
      }
    }
    let from = i;
    for (;;) {
      while (line[i] === ' ') i += 1;
      const level = top();
      const rest = line.slice(i);
      if (rest.startsWith('#')) {
        if (last) return undefined;
        break;
      }
      const key = level.key === undefined && level.kind !== 'list' ? keyPattern.exec(rest) : null;
      if (key && !(last && i + key[0].length > line.length)) {
        level.key = key[1] ?? key[2] ?? key[3] ?? '';
        level.keys.add(level.key);
        i += key[0].length;
        from = i;
        continue;
      }
      if (rest.startsWith('{') || rest.startsWith('[')) {
        stack.push({ indent: -1, kind: rest[0] === '{' ? 'map' : 'list', keys: new Set(), key: rest[0] === '[' ? '-' : undefined });
        i += 1;
        from = i;
        continue;
      }
      if (level.kind !== 'block' && (rest.startsWith('}') || rest.startsWith(']'))) {
        stack.pop();
        i += 1;
        from = i;
        if (top().kind === 'block') top().key = undefined;
        continue;
      }
      if (level.kind !== 'block' && rest.startsWith(',')) {
        if (level.kind === 'map') level.key = undefined;
        i += 1;
        from = i;
        continue;
      }
      if (rest === '') break;
      // A value, or the beginning of a key.
      from = i;
      if (rest[0] === '"' || rest[0] === "'") {
        const close = rest.indexOf(rest[0], 1);
        if (close < 0) {
          if (last) return { path: pathOf(stack), at: 'value', typed: rest, from: start + i, beside: new Set(), flow: level.kind !== 'block' };
          i = line.length;
        } else i += close + 1;
        continue;
      }
      if (level.kind === 'block' && level.key !== undefined && /^[|>][-+0-9]*\s*(#.*)?$/.test(rest) && !last) {
        literal = level.indent;
        level.key = undefined;
        i = line.length;
        break;
      }
      const plain = level.kind === 'block' ? (level.key === undefined ? /^[^#]*/ : /^(?:[^#]|(?<=\S)#)*/).exec(rest)![0] : /^[^,{}[\]#]*/.exec(rest)![0];
      i += Math.max(plain.length, 1);
      if (i >= line.length) break;
    }
    if (last) {
      const level = top();
      const typed = line.slice(from).trimStart();
      const value = level.key !== undefined && !(level.kind === 'block' && line.trim() === '');
      return { path: pathOf(stack), at: value ? 'value' : 'key', typed, from: position - typed.length, beside: value ? new Set() : level.keys, flow: level.kind !== 'block' };
    }
    // What a line of a block says is done with it, unless its value follows below.
    if (top().kind === 'block' && top().key !== undefined && top().key !== '-') {
      const said = line.slice(from).replace(/(^|\s)#.*$/, '').trim();
      if (said !== '') top().key = undefined;
    }
    start = end + 1;
  }
}

function pathOf(stack: readonly Level[]): string[] {
  return stack.flatMap((level) => (level.key === undefined ? [] : [level.key]));
}

/** The schema with what it refers to and its alternatives, flat. */
function alternatives(root: Schema, schema: Schema | undefined, depth = 0): Schema[] {
  if (!schema || depth > 8) return [];
  const own: Schema[] = [schema];
  if (schema.$ref?.startsWith('#/$defs/')) own.push(...alternatives(root, root.$defs?.[schema.$ref.slice(8)], depth + 1));
  for (const list of [schema.anyOf, schema.oneOf, schema.allOf]) {
    for (const one of list ?? []) own.push(...alternatives(root, one, depth + 1));
  }
  return own;
}

/** What the schema says of a value at the path, in a document of the kind. */
export function schemasAt(root: Schema, kind: string, path: readonly string[]): Schema[] {
  let now = alternatives(root, root.$defs?.[kind]);
  for (const part of path) {
    now = now.flatMap((one) => {
      if (part === '-') return alternatives(root, one.items);
      const property = one.properties?.[part];
      if (property) return alternatives(root, property);
      return typeof one.additionalProperties === 'object' ? alternatives(root, one.additionalProperties) : [];
    });
  }
  return now;
}

export interface Suggestion {
  label: string;
  detail?: string;
  info?: string;
  /** A word of the language, a name that is there already, a value. */
  type: 'keyword' | 'property' | 'enum';
  apply: string;
}

/** The kind that the document says it is. */
export const kindOf = (text: string): string | undefined => /^kind:\s*["']?([a-z_]+)/m.exec(text)?.[1];

/**
 * What may stand at the place. `known`: paths of what other layers say of the definition, whose names are offered where names are free.
 */
export function suggestions(root: Schema, kind: string | undefined, place: Place, known: readonly string[] = []): Suggestion[] {
  if (place.path.length === 0 && place.at === 'key') {
    const words: Schema = { properties: { kind: { description: 'Kind of definition.' }, ...(kind ? root.$defs?.[kind]?.properties : {}) } };
    return keysOf([words], place);
  }
  if (place.path.length === 1 && place.path[0] === 'kind' && place.at === 'value') return valuesOf([root.properties?.['kind'] ?? {}]);
  if (!kind) return [];
  const found = schemasAt(root, kind, place.path);
  if (place.at === 'value') return valuesOf(found);
  const own = keysOf(found, place);
  const prefix = place.path.map((part) => part + '.').join('');
  const names = new Set<string>();
  for (const path of known) {
    if (prefix !== '' && path.startsWith(prefix)) names.add(path.slice(prefix.length).split('.')[0]!);
  }
  const taken = new Set(own.map((one) => one.label));
  const free = found.some((one) => typeof one.additionalProperties === 'object');
  for (const name of names) {
    if (free && !taken.has(name) && !place.beside.has(name)) own.push({ label: name, type: 'property', apply: `${name}: ` });
  }
  return own;
}

function keysOf(schemas: readonly Schema[], place: Place): Suggestion[] {
  const out = new Map<string, Suggestion>();
  for (const schema of schemas) {
    for (const [label, property] of Object.entries(schema.properties ?? {})) {
      if (place.beside.has(label) || out.has(label)) continue;
      out.set(label, { label, type: 'keyword', apply: `${label}: `, ...(property.description ? { info: property.description } : {}) });
    }
  }
  return [...out.values()];
}

function valuesOf(schemas: readonly Schema[]): Suggestion[] {
  const out = new Set<string>();
  for (const schema of schemas) {
    for (const value of schema.enum ?? []) if (value !== null) out.add(String(value));
    if (schema.const !== undefined) out.add(String(schema.const));
    const types = Array.isArray(schema.type) ? schema.type : [schema.type];
    // `string or number or boolean` stands for any text.
    if (types.includes('boolean') && !types.includes('string')) {
      out.add('true');
      out.add('false');
    }
  }
  return [...out].map((label) => ({ label, type: 'enum', apply: label }));
}
