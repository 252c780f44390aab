import type { components } from './schema';

/** Names for the shapes of the server's own description; see openapi.json beside package.json and `npm run schema`. */
type Schemas = components['schemas'];

export type Field = Schemas['ModelField'];
export type FieldType = Field['type'];
export type State = Schemas['ModelState'];
export type StateCategory = State['category'];
export type ModelTransition = Schemas['ModelTransition'];
export type FormGroup = Schemas['ModelFormGroup'];
export type FormDefinition = Schemas['ModelForm'];
export type ViewDefinition = Schemas['ModelView'];
export type ViewType = ViewDefinition['type'];
export type PageDefinition = Schemas['ModelPage'];
export type Block = Schemas['ModelBlock'];
export type AggregateItem = Schemas['AggregateItem'];
export type Rights = Schemas['ModelRights'];
export type Entity = Schemas['ModelEntity'];
/** What holds of a form's values before they are sent. */
export type Draft = Schemas['Draft'];
export type SettingsGroup = Schemas['SettingsList']['items'][number];
export type Handbook = Schemas['Handbook'];
export type HandbookSection = Schemas['HandbookSection'];
export type HandbookBlock = Schemas['HandbookBlock'];
export type HandbookLine = Schemas['HandbookLine'];
export type HandbookTable = Schemas['HandbookTable'];
export type HandbookChart = Schemas['HandbookChart'];
export type HandbookEdge = Schemas['HandbookEdge'];
export type ChoiceOption = Schemas['ModelChoice'];
export type Module = Schemas['ModelModule'];
export type Model = Schemas['Model'];
export type User = Schemas['Me'];
/** The title of a referenced record. */
export type Expanded = Schemas['Expanded'];
export type RecordData = Schemas['Record'];
export type Page = Schemas['RecordPage'];
/** A transition out of a record's present state, as it stands for the user. */
export type AvailableTransition = Schemas['AvailableTransition'];
/** A step that waits for approval, or did. */
export type Approval = Schemas['Approval'];
export type Change = Schemas['Change'];
export type TimelineEvent = Schemas['TimelineEvent'];
export type TimelinePage = Schemas['TimelinePage'];
export type FieldError = Schemas['FieldError'];
/** RFC 9457. A proxy in between may answer with less. */
export type Problem = Partial<Omit<Schemas['Problem'], 'code'>> & { code?: string; merged_into?: { entity: string; id: string } };
