// Canonical UUIDs, as Placement stores them: without dashes or in capitals it is the same id.

const pattern = /^([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})$/;

/** The UUID in lower case with dashes; undefined: `text` is not a UUID. */
export function canonicalUuid(text: string): string | undefined {
  return pattern.exec(text.toLowerCase())?.slice(1).join('-');
}
