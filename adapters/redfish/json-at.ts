// Reads values from a BMC's documents, whatever it put there: what is missing or of another type is
// empty. Pure.
import type { Json } from '#contracts/common/json.ts';

export function valueAt(document: Json | undefined, key: string): Json | undefined {
  return typeof document === 'object' && document !== null && !Array.isArray(document)
    ? document[key]
    : undefined;
}

export function textAt(document: Json | undefined, key: string): string {
  const value = valueAt(document, key);
  return typeof value === 'string' ? value : '';
}

export function numberAt(document: Json | undefined, key: string): number | null {
  const value = valueAt(document, key);
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

export function objectAt(document: Json | undefined, key: string): Json | undefined {
  const value = valueAt(document, key);
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
}

export function listAt(document: Json | undefined, key: string): Json[] {
  const value = valueAt(document, key);
  return Array.isArray(value) ? value : [];
}

export const textsAt = (document: Json | undefined, key: string): string[] =>
  listAt(document, key).filter((value) => typeof value === 'string');

/** Of a link: `{"@odata.id": path}`; empty: none, or one that leads elsewhere. */
export const linkIn = (link: Json | undefined): string => pathIn(textAt(link, '@odata.id'));

/**
 * The path of a link or of a Location, which may be a whole address: whichever host it names, only
 * the BMC itself is asked. Empty: it is none of Redfish's.
 */
export function pathIn(address: string): string {
  if (!URL.canParse(address, 'https://bmc.invalid')) return '';
  const { pathname, search } = new URL(address, 'https://bmc.invalid');
  return pathname.startsWith('/redfish/') ? pathname + search : '';
}
