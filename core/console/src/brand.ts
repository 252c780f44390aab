/** Whether the agency's setting can be shown as its colour. */
export const isColor = (text: string): boolean => /^#[0-9a-f]{6}$/i.test(text);
/** Whether it is a picture that may be shown: of this server, or in the text itself. */
export const isLogo = (text: string): boolean => /^(\/[^/]|data:image\/)/.test(text);
