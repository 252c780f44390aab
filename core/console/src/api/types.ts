/** The HTTP contract as the console uses it; see docs/api.md. */

export type FieldType =
  | 'id' | 'text' | 'int' | 'bool' | 'decimal' | 'money' | 'date' | 'instant' | 'choice' | 'ref' | 'json';

export interface Field {
  name: string;
  label: string;
  help?: string | null;
  type: FieldType;
  /** Entity that a ref points to. */
  to?: string | null;
  system?: boolean;
  required?: boolean;
  read_only?: boolean;
  search?: boolean;
  multiline?: boolean;
  /** Of text, the longest length; of numbers, the bound. Decimal bounds are strings. */
  max?: number | string | null;
  min?: number | string | null;
  scale?: number | null;
  /** Name of the list of choices. */
  choices?: string | null;
  sortable?: boolean;
  /** What a new record begins with, as the API gives it; absent where it depends on more than the definition. */
  default?: unknown;
}

export type StateCategory = 'open' | 'waiting' | 'done' | 'cancelled';

export interface State {
  name: string;
  label: string;
  category: StateCategory;
  color?: string | null;
}

export interface ModelTransition {
  name: string;
  label: string;
  from: string[];
  to: string;
  form?: string | null;
  comment_required?: boolean;
}

export interface FormGroup {
  name: string;
  label: string;
  fields: string[];
}

export interface FormDefinition {
  name: string;
  label: string;
  groups: FormGroup[];
}

export interface ViewDefinition {
  name: string;
  label: string;
  columns: string[];
  sort?: string | null;
  /** What the view lists, in CEL; all where it is empty. */
  filter?: string | null;
}

export interface Rights {
  read: boolean;
  create: boolean;
  update: boolean;
  delete: boolean;
}

export interface Entity {
  name: string;
  label: string;
  plural: string;
  module: string;
  icon?: string | null;
  menu: boolean;
  /** The field that a reference to the record shows. */
  title?: string | null;
  rights: Rights;
  fields: Field[];
  initial?: string | null;
  states?: State[] | null;
  transitions?: ModelTransition[] | null;
  forms: FormDefinition[];
  views: ViewDefinition[];
}

export interface ChoiceOption {
  name: string;
  label: string;
  color?: string | null;
  active: boolean;
}

export interface Module {
  name: string;
  label: string;
  icon?: string | null;
  entities: string[];
}

export interface Model {
  hash: string;
  locale: string;
  locales: string[];
  agency: { name: string; currency: string; time_zone: string };
  modules: Module[];
  entities: Record<string, Entity>;
  choices: Record<string, ChoiceOption[]>;
}

export interface User {
  id: string;
  username: string;
  name: string;
  locale: string;
  roles: string[];
  administrator: boolean;
  csrf?: string;
}

/** The title of a referenced record. */
export interface Expanded {
  id: string;
  title: string;
}

/** A record is flat: system fields, then the entity's own. */
export interface RecordData {
  id: string;
  version: number;
  number?: string | null;
  state?: string | null;
  owner?: string | null;
  created_at?: string | null;
  updated_at?: string | null;
  expanded?: Record<string, Expanded | undefined>;
  [field: string]: unknown;
}

export interface Page {
  items: RecordData[];
  next: string | null;
  total?: number | null;
  /** Past 10,000 the total is an estimate. */
  total_is?: 'exact' | 'estimate';
}

/** A transition out of a record's present state, as it stands for the user. */
export interface AvailableTransition {
  name: string;
  label: string;
  to: string;
  to_label: string;
  allowed: boolean;
  why?: string | null;
  form?: string | null;
  comment_required?: boolean;
}

export interface Change {
  field: string;
  label?: string | null;
  old?: unknown;
  new?: unknown;
  old_text?: string | null;
  new_text?: string | null;
}

export interface TimelineEvent {
  id: string;
  at: string;
  actor?: { id: string; name: string } | null;
  source?: string | null;
  action: string;
  transition?: { name: string; label: string } | null;
  version?: number | null;
  changes?: Change[] | null;
  note?: string | null;
  request_id?: string | null;
}

export interface TimelinePage {
  items: TimelineEvent[];
  next: string | null;
}

export interface FieldError {
  field?: string | null;
  code?: string;
  message: string;
}

/** RFC 9457. */
export interface Problem {
  title?: string;
  status?: number;
  code?: string;
  detail?: string;
  request_id?: string;
  errors?: FieldError[];
  current?: RecordData;
}
