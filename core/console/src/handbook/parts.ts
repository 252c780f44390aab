import type { HandbookSection } from '../api/types';

/** Which part of the handbook each section stands in. */
export function partsById(parts: HandbookSection[]): Map<string, string> {
  const all = new Map<string, string>();
  const walk = (section: HandbookSection, part: string) => {
    all.set(section.id, part);
    for (const one of section.sections) walk(one, part);
  };
  for (const part of parts) walk(part, part.id);
  return all;
}

/** Address of a part, or of a section in it. */
export function partPath(part: string, section?: string): string {
  return `/handbook?part=${encodeURIComponent(part)}${section && section !== part ? `#${encodeURIComponent(section)}` : ''}`;
}
