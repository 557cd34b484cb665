// Which values may be bound to a query, the same on SQLite and MariaDB. Both drivers call
// `bindable` on every parameter.

/**
 * The value as it is stored. Booleans become 0 and 1. Dates, objects and arrays are bugs:
 * node:sqlite takes an object in first place for named parameters and stores NULL, mysql2 would
 * store text of its own making.
 */
export function bindable(value: unknown): string | number | bigint | Uint8Array | null {
  switch (typeof value) {
    case 'string':
      return value;
    case 'number':
      if (Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value)))
        return value;
      throw new TypeError(`database parameter: ${value} cannot be stored exactly`);
    case 'boolean':
      return value ? 1 : 0;
    case 'bigint':
      if (value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER))
        return value;
      throw new TypeError(
        `database parameter: ${value} is beyond 2^53 and could not be read back as a number`,
      );
    case 'object':
      if (value === null || value instanceof Uint8Array) return value;
      throw unbindable(value.constructor?.name ?? 'object');
    default:
      throw unbindable(typeof value);
  }
}

function unbindable(kind: string): TypeError {
  return new TypeError(
    `database parameter: ${kind} is not a string, number, boolean, bytes or null`,
  );
}
