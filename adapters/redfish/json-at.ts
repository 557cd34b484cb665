// Reads values from a BMC's documents without trusting their shape: a value that is missing or of
// another type becomes an empty one. Pure.
import type { Json } from '#contracts/common/json.ts';

/** The member `key` of an object; undefined if the document is not an object. */
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

/**
 * The path of a link, `{"@odata.id": path}`; '' if there is none, or if it leads out of Redfish's
 * tree.
 */
export const linkIn = (link: Json | undefined): string => pathIn(textAt(link, '@odata.id'));

/**
 * The path of a link or of a Location header. If it is a whole URL, its host is dropped, so that
 * only this BMC is ever asked. '' if it is not below /redfish/.
 */
export function pathIn(address: string): string {
  if (!URL.canParse(address, 'https://bmc.invalid')) return '';
  const { pathname, search } = new URL(address, 'https://bmc.invalid');
  return pathname.startsWith('/redfish/') ? pathname + search : '';
}
