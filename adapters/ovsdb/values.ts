// Encodes and decodes OVSDB's values by the column's type. Pure. Source: RFC 7047, section 5.1;
// ovsdb-server(7), 4.1.14 for differences.
import type { AnyRow, AnyValue, Atom, AtomType, Column, Table } from './schema.ts';
import { columnOf } from './schema.ts';

export type WireAtom = string | number | boolean | readonly ['uuid' | 'named-uuid', string];
export type WireValue =
  | WireAtom
  | readonly ['set', readonly WireAtom[]]
  | readonly ['map', readonly (readonly [WireAtom, WireAtom])[]];
export type WireRow = Readonly<Record<string, WireValue>>;

const zeroUuid = '00000000-0000-0000-0000-000000000000';
const atomDefaults: Readonly<Record<AtomType, Atom>> = {
  string: '',
  integer: 0,
  real: 0,
  boolean: false,
  uuid: zeroUuid,
};

/** The server's answer does not have the form that the schema promises. */
export class OvsdbValueError extends Error {
  override readonly name = 'OvsdbValueError';
}

export function encodeValue(column: Column, value: AnyValue): WireValue {
  switch (column.kind) {
    case 'one':
      return encodeAtom(column.type, value);
    case 'optional':
      return value === null ? ['set', []] : encodeAtom(column.type, value);
    case 'set':
      if (!Array.isArray(value))
        throw new TypeError(`a set is given as an array, not ${typeof value}`);
      return ['set', value.map((each) => encodeAtom(column.type, each))];
    case 'map':
      return [
        'map',
        Object.entries(value as Record<string, Atom>).map(
          ([key, each]) => [encodeKey(column.key, key), encodeAtom(column.value, each)] as const,
        ),
      ]; // as typed by RowPatch
  }
}

export function encodeRow(
  table: Table,
  row: Readonly<Record<string, AnyValue | undefined>>,
): WireRow {
  const wire: Record<string, WireValue> = {};
  for (const [name, value] of Object.entries(row))
    if (value !== undefined) wire[name] = encodeValue(columnOf(table, name), value);
  return wire;
}

export function decodeValue(column: Column, wire: WireValue): AnyValue {
  switch (column.kind) {
    case 'one':
      return decodeAtom(column.type, elementsOf(wire)[0]);
    case 'optional': {
      const [only] = elementsOf(wire);
      return only === undefined ? null : decodeAtom(column.type, only);
    }
    case 'set':
      return elementsOf(wire).map((each) => decodeAtom(column.type, each));
    case 'map':
      // fromEntries instead of assignment: a key may be called __proto__.
      return Object.fromEntries(
        pairsOf(wire).map(([key, value]) => [
          String(decodeAtom(column.key, key)),
          decodeAtom(column.value, value),
        ]),
      );
  }
}

/** The named columns of a row; those that the server omitted have their default. */
export function decodeRow(table: Table, columns: readonly string[], wire: WireRow): AnyRow {
  return Object.fromEntries(
    columns.map((name) => {
      const column = columnOf(table, name);
      const value = wire[name];
      return [name, value === undefined ? defaultOf(column) : decodeValue(column, value)];
    }),
  );
}

export function defaultOf(column: Column): AnyValue {
  switch (column.kind) {
    case 'one':
      return atomDefaults[column.type];
    case 'optional':
      return null;
    case 'set':
      return [];
    case 'map':
      return {};
  }
}

/**
 * The value after a difference of `update2` or `update3`: members of both sets are removed, others
 * are added.
 */
export function applyDifference(column: Column, old: AnyValue, wire: WireValue): AnyValue {
  const difference = decodeValue(column, wire);
  if (column.kind === 'set') {
    // One pass over the old values, which may be ten thousand, without building a set of them. What
    // remains in the difference is new; order is kept.
    const toggled = new Set(difference as readonly Atom[]); // decoded by this column, as is `old`
    const remaining = (old as readonly Atom[]).filter((value) => !toggled.delete(value));
    return [...remaining, ...toggled];
  }
  if (column.kind === 'map') {
    const entries = new Map(Object.entries(old as Record<string, Atom>)); // decoded by this column
    for (const [key, value] of Object.entries(difference as Record<string, Atom>)) {
      if (entries.get(key) === value) entries.delete(key);
      else entries.set(key, value);
    }
    return Object.fromEntries(entries);
  }
  return difference;
}

/** Whether two values of one column are equal, whatever the order within sets and maps. */
export function sameValue(column: Column, one: AnyValue, other: AnyValue): boolean {
  if (column.kind === 'set') {
    // values of this column
    const [values, others] = [new Set(one as readonly Atom[]), new Set(other as readonly Atom[])];
    return values.size === others.size && [...values].every((value) => others.has(value));
  }
  if (column.kind === 'map') {
    const [entries, others] = [
      Object.entries(one as Record<string, Atom>),
      new Map(Object.entries(other as Record<string, Atom>)),
    ]; // values of this column
    return (
      entries.length === others.size && entries.every(([key, value]) => others.get(key) === value)
    );
  }
  return one === other;
}

function encodeAtom(type: AtomType, value: AnyValue): WireAtom {
  if (type === 'uuid') {
    if (typeof value === 'string') return ['uuid', value];
    if (
      value !== null &&
      typeof value === 'object' &&
      'named' in value &&
      typeof value.named === 'string'
    )
      return ['named-uuid', value.named];
    throw new TypeError('a reference is a UUID or { named }');
  }
  const expectedType = type === 'integer' || type === 'real' ? 'number' : type;
  // Checked here as well: the server would refuse a wrong value without naming it.
  if (typeof value !== expectedType || (type === 'integer' && !Number.isSafeInteger(value)))
    throw new TypeError(`${JSON.stringify(value)} is no ${type}`);
  return value as string | number | boolean; // just checked
}

function encodeKey(type: AtomType, key: string): WireAtom {
  switch (type) {
    case 'integer':
    case 'real':
      return encodeAtom(type, Number(key));
    case 'boolean':
      return key === 'true';
    case 'string':
    case 'uuid':
      return encodeAtom(type, key);
  }
}

function decodeAtom(type: AtomType, wire: WireAtom | undefined): string | number | boolean {
  if (type === 'uuid') {
    if (Array.isArray(wire) && typeof wire[1] === 'string') return wire[1];
  } else if (typeof wire === (type === 'integer' || type === 'real' ? 'number' : type)) {
    return wire as string | number | boolean; // just checked
  }
  throw new OvsdbValueError(`${JSON.stringify(wire)} where a ${type} is due`);
}

/** The members of a set; one with a single member is encoded as the bare value. */
function elementsOf(wire: WireValue): readonly WireAtom[] {
  // RFC 7047: <set>
  if (Array.isArray(wire) && wire[0] === 'set') return wire[1] as readonly WireAtom[];
  return [wire as WireAtom]; // RFC 7047: <atom>
}

function pairsOf(wire: WireValue): readonly (readonly [WireAtom, WireAtom])[] {
  if (Array.isArray(wire) && wire[0] === 'map')
    return wire[1] as readonly (readonly [WireAtom, WireAtom])[]; // RFC 7047: <map>
  throw new OvsdbValueError('no map where one is due');
}
