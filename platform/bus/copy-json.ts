// Copies a message, so that sender and receiver share no objects. Called by both bus drivers;
// several times faster than structuredClone.
import type { Json } from '#contracts/common/json.ts';

/**
 * A copy as JSON would transfer it: undefined members are left out. Throws on anything but plain
 * JSON.
 */
export function copyJson<T extends Json | undefined>(value: T): T {
  return copy(value) as T; // cast: `copy` keeps the shape
}

function copy(value: unknown): unknown {
  if (
    typeof value === 'string' ||
    typeof value === 'boolean' ||
    value === null ||
    value === undefined
  )
    return value;
  if (typeof value === 'number') {
    if (Number.isFinite(value)) return value;
    throw new TypeError(`message: ${value} is not JSON`);
  }
  if (Array.isArray(value)) return value.map((item) => copy(item) ?? null);
  if (typeof value === 'object') {
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null)
      throw new TypeError(`message: a ${value.constructor.name} is not plain JSON`);
    const object: Record<string, unknown> = {};
    for (const [key, member] of Object.entries(value)) {
      if (member === undefined) continue;
      if (key === '__proto__')
        Object.defineProperty(object, key, {
          value: copy(member),
          enumerable: true,
          configurable: true,
          writable: true,
        });
      else object[key] = copy(member);
    }
    return object;
  }
  throw new TypeError(`message: a ${typeof value} is not JSON`);
}
