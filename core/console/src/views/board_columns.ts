import type { Entity, Model, ViewDefinition } from '../api/types';
import { dotColor } from '../format';
import { fieldOf, isEditable } from '../model';

export interface BoardColumn {
  key: string;
  /** Stored value; empty: records that have none. */
  value: string;
  label: string;
  color: string;
}

const ofCategory = { open: 'blue', waiting: 'gold', done: 'green', cancelled: 'grey' } as const;

/** The columns in the order of states or options; what is no longer offered only while records have it. */
export function boardColumns(model: Model, entity: Entity, view: ViewDefinition, counts: ReadonlyMap<string, number> | undefined, noValue: string): BoardColumn[] {
  const group = view.group ?? 'state';
  const used = (value: string) => (counts?.get(value) ?? 0) > 0;
  const columns: BoardColumn[] = [];
  const add = (value: string, label: string, color: string | null | undefined) => columns.push({ key: `column:${value}`, value, label, color: dotColor(color) });
  if (group === 'state') {
    for (const state of entity.states ?? []) add(state.name, state.label, state.color || ofCategory[state.category]);
  } else {
    const list = fieldOf(entity, group)?.choices;
    for (const option of (list && model.choices[list]) || []) {
      if (option.active || used(option.name)) add(option.name, option.label, option.color);
    }
  }
  if (used('')) add('', noValue, undefined);
  return columns;
}

/** Whether cards of a board by a choice may be moved at all; the record's own rights are the server's to say. */
export function cardMoves(entity: Entity, view: ViewDefinition): boolean {
  const field = fieldOf(entity, view.group ?? 'state');
  return !!field && entity.rights.update && isEditable(field);
}
