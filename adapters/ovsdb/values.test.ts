// OVSDB values: every value of every kind of column survives encoding and decoding, and applying a
// difference to the old value gives the new one.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { northbound } from './northbound.gen.ts';
import { operationsOf } from './operations.ts';
import type { AnyValue, Atom, AtomType, Column } from './schema.ts';
import {
  applyDifference,
  decodeRow,
  decodeValue,
  encodeValue,
  OvsdbValueError,
  sameValue,
  type WireValue,
} from './values.ts';

const types: readonly AtomType[] = ['string', 'integer', 'real', 'boolean', 'uuid'];
const atom = (type: AtomType): fc.Arbitrary<Atom> => {
  switch (type) {
    case 'string':
      return fc.string({ unit: 'grapheme' });
    case 'integer':
      return fc.maxSafeInteger();
    case 'real':
      // JSON has no -0
      return fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0 || 0);
    case 'boolean':
      return fc.boolean();
    case 'uuid':
      return fc.uuid();
  }
};
/** A column and two values of it. */
const cases: fc.Arbitrary<{ column: Column; values: [AnyValue, AnyValue] }> = fc
  .tuple(fc.constantFrom(...types), fc.constantFrom('one', 'optional', 'set', 'map'))
  .chain(([type, kind]) => {
    const column: Column =
      kind === 'map'
        ? { kind, key: 'string', value: type }
        : { kind: kind as 'one' | 'optional' | 'set', type };
    const value: fc.Arbitrary<AnyValue> =
      kind === 'one'
        ? atom(type)
        : kind === 'optional'
          ? fc.option(atom(type))
          : kind === 'set'
            ? fc.uniqueArray(atom(type))
            : fc.dictionary(fc.oneof(fc.string(), fc.constant('__proto__')), atom(type), {
                noNullPrototype: true,
              });
    return fc.tuple(value, value).map((values) => ({ column, values }));
  });
const overTheWire = (wire: WireValue) => JSON.parse(JSON.stringify(wire)) as WireValue;

/** The difference of two values as a server computes it: ovsdb-server(7), 4.1.14. */
function differenceOf(column: Column, old: AnyValue, now: AnyValue): AnyValue {
  if (column.kind === 'set') {
    const [before, after] = [old as Atom[], now as Atom[]];
    return [
      ...before.filter((each) => !after.includes(each)),
      ...after.filter((each) => !before.includes(each)),
    ];
  }
  if (column.kind !== 'map') return now;
  const [before, after] = [
    new Map(Object.entries(old as object)),
    new Map(Object.entries(now as object)),
  ] as [Map<string, Atom>, Map<string, Atom>];
  return Object.fromEntries([
    ...[...before].filter(([key]) => !after.has(key)),
    ...[...after].filter(([key, value]) => before.get(key) !== value),
  ]);
}

describe('OVSDB values', () => {
  it('come back from the wire as they were', () => {
    fc.assert(
      fc.property(cases, ({ column, values: [value] }) =>
        assert.deepEqual(decodeValue(column, overTheWire(encodeValue(column, value))), value),
      ),
    );
  });

  it('follow a difference to the new value', () => {
    fc.assert(
      fc.property(cases, ({ column, values: [old, now] }) => {
        const difference = overTheWire(encodeValue(column, differenceOf(column, old, now)));
        assert.ok(sameValue(column, applyDifference(column, old, difference), now));
      }),
    );
  });

  it('are the same whatever their order, and only then', () => {
    const [set, map] = [
      { kind: 'set', type: 'string' },
      { kind: 'map', key: 'string', value: 'string' },
    ] as const;
    assert.ok(sameValue(set, ['a', 'b'], ['b', 'a']));
    assert.ok(!sameValue(set, ['a', 'b'], ['a']));
    assert.ok(sameValue(map, { a: '1', b: '2' }, { b: '2', a: '1' }));
    assert.ok(!sameValue(map, { a: '1' }, { a: '2' }));
    assert.ok(!sameValue(map, {}, { toString: 'x' }));
  });

  it('travel as RFC 7047 writes them', () => {
    assert.deepEqual(encodeValue({ kind: 'optional', type: 'integer' }, null), ['set', []]);
    assert.deepEqual(encodeValue({ kind: 'set', type: 'uuid' }, ['u', { named: 'n' }]), [
      'set',
      [
        ['uuid', 'u'],
        ['named-uuid', 'n'],
      ],
    ]);
    assert.deepEqual(encodeValue({ kind: 'map', key: 'integer', value: 'uuid' }, { 7: 'u' }), [
      'map',
      [[7, ['uuid', 'u']]],
    ]);
    assert.deepEqual(decodeValue({ kind: 'set', type: 'string' }, 'alone'), ['alone']);
  });

  it('have their default where the server leaves them out', () => {
    assert.deepEqual(
      decodeRow(
        northbound.tables.Logical_Switch_Port,
        ['name', 'up', 'ha_chassis_group', 'addresses', 'options'],
        { name: 'p' },
      ),
      { name: 'p', up: null, ha_chassis_group: null, addresses: [], options: {} },
    );
  });

  it('of another type are refused, going and coming', () => {
    assert.throws(() => encodeValue({ kind: 'one', type: 'integer' }, 1.5), TypeError);
    assert.throws(() => encodeValue({ kind: 'set', type: 'string' }, 'x'), TypeError);
    assert.throws(() => decodeValue({ kind: 'one', type: 'integer' }, 'x'), OvsdbValueError);
    assert.throws(
      () => decodeValue({ kind: 'map', key: 'string', value: 'string' }, 'x'),
      OvsdbValueError,
    );
  });

  it('and columns that the schema lacks do not compile', () => {
    const nb = operationsOf(northbound);
    // @ts-expect-error no such column
    assert.throws(() => nb.insert('Logical_Switch', { nmae: 'x' }), /no column nmae/);
    // @ts-expect-error an address set's addresses are strings
    assert.throws(() => nb.insert('Address_Set', { addresses: [1] }), TypeError);
    // @ts-expect-error no such action
    nb.insert('ACL', { action: 'permit' });
  });
});
