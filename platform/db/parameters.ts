// Which values may be bound to a query, alike on SQLite and MariaDB. Both drivers pass every
// parameter through `bindable`.

/**
 * The value as it is stored: booleans become 0 and 1. Throws for dates, objects and arrays:
 * node:sqlite would take an object in first place for named parameters and store NULL, and mysql2
 * would store a text of its own format.
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
