/** Addresses of the console's pages. */
export const listPath = (entity: string, view?: string) => `/records/${encodeURIComponent(entity)}${view ? `?view=${encodeURIComponent(view)}` : ''}`;
export const pagePath = (page: string) => `/pages/${encodeURIComponent(page)}`;
export const approvalsPath = '/approvals';
export const createPath = (entity: string) => `${listPath(entity)}/new`;
export const recordPagePath = (entity: string, id: string) => `${listPath(entity)}/${encodeURIComponent(id)}`;
export const editPath = (entity: string, id: string) => `${recordPagePath(entity, id)}/edit`;
export const printPath = (entity: string, id: string) => `${recordPagePath(entity, id)}/print`;
export const comparePath = (entity: string, ids: readonly string[]) => `/compare/${encodeURIComponent(entity)}?ids=${ids.join(',')}`;
export const duplicatesPath = (entity: string) => `/duplicates?entity=${encodeURIComponent(entity)}`;
