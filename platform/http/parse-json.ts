// Parses JSON from outside the cloud: size-bounded before it is parsed, well-formed Unicode, and
// objects without a prototype, so that a tenant's key `constructor` or `__proto__` is an ordinary
// key. Such keys cannot be refused: OpenStack allows them as metadata keys.
import { isUtf8 } from 'node:buffer';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';

/**
 * Default limit on nesting: deeper than any body of an OpenStack API, shallow enough for recursion.
 */
export const maxDepth = 32;
/**
 * Limit on the members of all objects and arrays of a body together; grows only for routes that
 * allow large bodies.
 */
export const maxMembers = (maxBytes: number): number => Math.max(20_000, maxBytes >> 6);

/**
 * Parses a body. badRequest: not UTF-8 or JSON, or out of bounds. `maxBytes`: limit of the route's
 * bodies.
 */
export function parseJson(bytes: Buffer, maxBytes: number, deepest = maxDepth): Outcome<Json> {
  if (!isUtf8(bytes)) return fault('badRequest', 'Malformed request body: it is not valid UTF-8.');
  const excess = boundExceeded(bytes, maxMembers(maxBytes), deepest);
  if (excess !== undefined) return fault('badRequest', excess);
  const text = bytes.toString('utf8');
  let json: Json;
  try {
    json = JSON.parse(text) as Json; // JSON.parse returns nothing else
  } catch {
    return fault('badRequest', 'Malformed request body: it is not valid JSON.');
  }
  return withoutPrototypes(json, surrogateEscape.test(text))
    ? json
    : fault('badRequest', 'Malformed request body: a string holds half of a surrogate pair.');
}

const surrogateEscape = /\\u[dD][89a-fA-F]/;
const [quote, backslash, comma, openBracket, openBrace, closeBracket, closeBrace] = [
  0x22, 0x5c, 0x2c, 0x5b, 0x7b, 0x5d, 0x7d,
];

/**
 * Returns which bound is exceeded (undefined: none), in one pass over the bytes, before any object
 * is created from them.
 */
function boundExceeded(bytes: Buffer, limit: number, deepest: number): string | undefined {
  let depth = 0;
  let members = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (byte === quote) {
      for (at += 1; at < bytes.length && bytes[at] !== quote; at += 1)
        if (bytes[at] === backslash) at += 1;
    } else if (byte === comma) {
      members += 1;
    } else if (byte === openBracket || byte === openBrace) {
      members += 1;
      depth += 1;
      if (depth > deepest) return `The request body is nested deeper than ${deepest} levels.`;
    } else if (byte === closeBracket || byte === closeBrace) {
      depth -= 1;
    }
  }
  return members > limit ? `The request body has more than ${limit} members.` : undefined;
}

/**
 * Removes the prototypes of all objects. Returns false if a string or key is not well-formed
 * Unicode. Recursion is safe: the depth was checked before.
 */
function withoutPrototypes(value: Json, checkText: boolean): boolean {
  if (typeof value === 'string') return !checkText || value.isWellFormed();
  if (typeof value !== 'object' || value === null) return true;
  if (Array.isArray(value)) return value.every((item) => withoutPrototypes(item, checkText));
  Object.setPrototypeOf(value, null);
  for (const key in value) {
    if (checkText && !key.isWellFormed()) return false;
    if (!withoutPrototypes(value[key] ?? null, checkText)) return false;
  }
  return true;
}
