/** What stands in a path's places, and its query. */
export interface Places {
  path?: Record<string, string>;
  query?: Record<string, string | number | undefined>;
}

/** Where the API is. */
export const apiBase = '/api/v1';

/** The path with its places filled, every part escaped, and the query. */
export function target(template: string, { path, query }: Places = {}): string {
  const filled = template.replace(/\{(\w+)\}/g, (place, name: string) => {
    const value = path?.[name];
    if (value === undefined) throw new Error(`${template}: no value for ${place}`);
    return encodeURIComponent(value);
  });
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query ?? {})) {
    if (value !== undefined && value !== '') search.set(key, String(value));
  }
  const tail = search.toString();
  return tail ? `${filled}?${tail}` : filled;
}
