import { queryOptions } from '@tanstack/react-query';
import type { ApiClient } from './api/client';
import type { Field } from './api/types';
import type { FormValues } from './form_values';

/** Fields whose value is a file attached to the record. */
export const isFile = (field: Field) => field.type === 'file' || field.type === 'image';

/** What the server shows in place, and browsers draw. */
export const isPicture = (type: string) => /^image\/(png|jpeg|gif|webp)$/.test(type);

export const attachmentsKey = (entity: string, id: string) => ['attachments', entity, id] as const;

export const attachmentsQuery = (api: ApiClient, entity: string, id: string) =>
  queryOptions({ queryKey: attachmentsKey(entity, id), queryFn: ({ signal }) => api.get('/records/{entity}/{id}/attachments', { path: { entity, id }, signal }) });

export const attachmentHref = (entity: string, id: string, attachment: string) => `/api/v1/records/${encodeURIComponent(entity)}/${encodeURIComponent(id)}/attachments/${encodeURIComponent(attachment)}`;

export interface Chosen {
  field: Field;
  file: File;
}

/** Files that were chosen in a form and are not on the server yet. */
export function chosenFiles(fields: readonly Field[], values: FormValues): Chosen[] {
  return fields.flatMap((field) => {
    const file = values[field.name];
    return isFile(field) && file instanceof File ? [{ field, file }] : [];
  });
}

/** Sends one file; it becomes the field's value where a field is named. */
export async function sendFile(api: ApiClient, entity: string, id: string, file: File, field?: string): Promise<void> {
  const form = new FormData();
  form.append('file', file, file.name);
  await api.upload('/records/{entity}/{id}/attachments', form, { path: { entity, id }, ...(field ? { query: { field } } : {}) });
}
