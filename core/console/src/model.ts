import type { ChoiceOption, Entity, Expanded, Field, FormDefinition, Model, Module, PageDefinition, RecordData, State } from './api/types';

/** The field that `name` means, or undefined. */
export function fieldOf(entity: Entity, name: string): Field | undefined {
  return entity.fields.find((field) => field.name === name);
}

/** The form for creating and editing. */
export function mainForm(entity: Entity): FormDefinition | undefined {
  return entity.forms[0];
}

export function stateOf(entity: Entity, name: string | null | undefined): State | undefined {
  return entity.states?.find((state) => state.name === name);
}

export function optionOf(model: Model, field: Field, name: unknown): ChoiceOption | undefined {
  return field.choices ? model.choices[field.choices]?.find((option) => option.name === name) : undefined;
}

/** How many references the server expands at once. */
const mostExpanded = 30;

/** Names to expand so that references show a title. */
export function expansion(entity: Entity, only?: readonly string[]): string | undefined {
  const names = entity.fields
    .filter((field) => (field.type === 'ref' || field.type === 'refs') && (!only || only.includes(field.name)))
    .slice(0, mostExpanded)
    .map((field) => field.name);
  return names.length > 0 ? names.join(',') : undefined;
}

/** The records that a reference, or a list of references, brought with the record. */
export function expandedOf(record: RecordData | undefined, name: string): Expanded[] {
  const known = record?.expanded?.[name];
  return known === undefined ? [] : Array.isArray(known) ? known : [known];
}

function isTexts(value: unknown): value is Record<string, string> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

/** Of texts by language the one in `locale`, else the nearest that there is; "" where there is none. */
export function textIn(value: unknown, locale: string): string {
  if (!isTexts(value)) return '';
  const all = Object.keys(value);
  const chinese = locale.startsWith('zh') ? (locale.startsWith('zh-TW') ? ['zh-TW', 'zh-CN'] : ['zh-CN', 'zh-TW']) : [];
  const language = locale.split('-')[0];
  const key = [locale, ...chinese, all.find((one) => one.split('-')[0] === language), 'en', all[0]].find((one) => one !== undefined && one in value);
  return key === undefined ? '' : (value[key] ?? '');
}

/** What the record is called where one line must do. */
export function titleOf(entity: Entity | undefined, record: RecordData): string {
  const named = entity?.title ? record[entity.title] : undefined;
  const expanded = entity?.title ? expandedOf(record, entity.title)[0]?.title : undefined;
  for (const text of [expanded, isTexts(named) ? textIn(named, document.documentElement.lang) : named, record['title'], record.number]) {
    if (typeof text === 'string' && text !== '') return text;
  }
  return `#${record.id}`;
}

/** What a row's own link says where the value of `field` cannot: it is empty, or would be a link elsewhere. */
export function ownLink(entity: Entity, field: Field, record: RecordData): string | undefined {
  const value = record[field.name];
  if (value === null || value === undefined || value === '' || field.type === 'refs') return titleOf(entity, record);
  return field.type === 'ref' ? (expandedOf(record, field.name)[0]?.title ?? titleOf(entity, record)) : undefined;
}

export interface Referring {
  entity: Entity;
  /** Field of that entity by which it points here. */
  field: Field;
  /** Its records are parts of the record that they point to. */
  part: boolean;
}

/** Entities whose records point to those of `entity`, by each field that can. */
export function referringTo(model: Model, entity: Entity): Referring[] {
  return Object.values(model.entities).flatMap((other) =>
    // Of the core's own records (notices, saved views) each user has plenty; they are no part of somebody's file.
    other.module === 'core'
      ? []
      : other.fields
          .filter((field) => (field.type === 'ref' || field.type === 'refs') && field.to === entity.name && !field.system)
          .map((field) => ({ entity: other, field, part: field.type === 'ref' && field.required && other.module === entity.module && !other.menu })),
  );
}

/** The condition that chooses what points to the record. */
export const pointsTo = (field: Field, id: string): string => (field.type === 'refs' ? `${id} in record.${field.name}` : `record.${field.name} == ${id}`);

/** Modules with what belongs in the navigation; modules without anything are left out. */
export function navigation(model: Model): { module: Module; pages: PageDefinition[]; entities: Entity[] }[] {
  return model.modules
    .map((module) => ({
      module,
      pages: module.pages.map((name) => model.pages[name]).filter((page): page is PageDefinition => !!page && page.menu),
      entities: module.entities.map((name) => model.entities[name]).filter((entity): entity is Entity => !!entity && entity.menu),
    }))
    .filter(({ pages, entities }) => pages.length + entities.length > 0);
}

/** Entities of which one may make one record of two, and that have rules for finding such. */
export const duplicateEntities = (model: Model): Entity[] => Object.values(model.entities).filter((entity) => entity.duplicates && mergeable(entity, false));

/** Whether merging records of it is offered: where rules find duplicates, and to administrators. The server asks again for each. */
export const mergeable = (entity: Entity, administrator: boolean): boolean => entity.rights.update && !entity.ledger && entity.module !== 'core' && (entity.duplicates || administrator);

/** May a client set this field? */
export function isEditable(field: Field): boolean {
  return !field.read_only && (!field.system || field.name === 'owner');
}

/** The state of a workflow, which is a system field of its own kind. */
export function isState(field: Field): boolean {
  return field.name === 'state' && field.system === true;
}

const groupTypes: readonly Field['type'][] = ['choice', 'ref', 'bool', 'date'];

/** Fields by whose values rows can stand together: what the server both sorts and counts by. */
export const groupable = (entity: Entity): Field[] =>
  entity.fields.filter((field) => field.sortable && (isState(field) ? entity.states.length > 0 : groupTypes.includes(field.type)));
