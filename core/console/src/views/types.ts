import type { Entity, Field, RecordData, ViewDefinition } from '../api/types';
import { fieldOf } from '../model';

/** What every way of showing records together gets. */
export interface ViewProps {
  entity: Entity;
  view: ViewDefinition;
  /** Words and a condition in CEL besides the view's own. */
  q?: string | undefined;
  filter?: string | undefined;
}

/** The server knows a view by its name; without a filter there is nothing that it would add. */
export const viewParameter = (view: ViewDefinition) => (view.filter ? view.name : undefined);

/** Both conditions, or the one there is. */
export function both(a: string | undefined, b: string | undefined): string | undefined {
  return a && b ? `(${a}) && (${b})` : a || b || undefined;
}

/** Fields that are shown of a record beside its title and what places it. */
export function detailFields(entity: Entity, view: ViewDefinition): Field[] {
  const placed = [entity.title, view.group, view.start, view.end];
  return view.columns.filter((name) => !placed.includes(name)).map((name) => fieldOf(entity, name)).filter((field): field is Field => !!field);
}

export const isFilled = (record: RecordData, field: Field) => record[field.name] !== null && record[field.name] !== undefined && record[field.name] !== '';
