// UUIDs as Placement stores them: an id written without dashes or in capitals is the same id.

const pattern = /^([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})$/;

/** In lower case with dashes; undefined for what is no UUID. */
export function canonicalUuid(text: string): string | undefined {
  return pattern.exec(text.toLowerCase())?.slice(1).join('-');
}
