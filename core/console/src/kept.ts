/** What was typed and not sent yet, kept in this tab over a lost connection, a reload or a crash. */
const prefix = 'caravan.kept.';

export function keptText(key: string): string {
  try {
    return sessionStorage.getItem(prefix + key) ?? '';
  } catch {
    return ''; // storage may be forbidden
  }
}

export function keepText(key: string, text: string): void {
  try {
    if (text) sessionStorage.setItem(prefix + key, text);
    else sessionStorage.removeItem(prefix + key);
  } catch {
    // it then lasts until the page is left
  }
}

export const forgetText = (key: string): void => keepText(key, '');

/** The values of a form; nothing where none were kept or they are not sound. */
export function keptValues(key: string): Record<string, unknown> | undefined {
  try {
    const found: unknown = JSON.parse(keptText(key) || 'null');
    return found !== null && typeof found === 'object' && !Array.isArray(found) && Object.keys(found).length > 0 ? (found as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
