/** Addresses of the console's pages. */
export const listPath = (entity: string) => `/records/${encodeURIComponent(entity)}`;
export const createPath = (entity: string) => `${listPath(entity)}/new`;
export const recordPagePath = (entity: string, id: string) => `${listPath(entity)}/${encodeURIComponent(id)}`;
export const editPath = (entity: string, id: string) => `${recordPagePath(entity, id)}/edit`;
