import type { ChoiceOption, Entity, Field, FormDefinition, Model, Module, PageDefinition, RecordData, State } from './api/types';

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
    .filter((field) => field.type === 'ref' && (!only || only.includes(field.name)))
    .slice(0, mostExpanded)
    .map((field) => field.name);
  return names.length > 0 ? names.join(',') : undefined;
}

/** What the record is called where one line must do. */
export function titleOf(entity: Entity | undefined, record: RecordData): string {
  const named = entity?.title ? record[entity.title] : undefined;
  const expanded = entity?.title ? record.expanded?.[entity.title]?.title : undefined;
  for (const text of [expanded, named, record['title'], record.number]) {
    if (typeof text === 'string' && text !== '') return text;
  }
  return `#${record.id}`;
}

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

/** May a client set this field? */
export function isEditable(field: Field): boolean {
  return !field.read_only && (!field.system || field.name === 'owner');
}
