// An index that is updated change by change equals one that is built at once.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { northbound } from './northbound.gen.ts';
import type { RowChange } from './replica.ts';
import { RowIndex, type Scope } from './row-index.ts';
import type { AnyRow, Uuid } from './schema.ts';

const scope = {
  Logical_Switch: { key: (row) => row.name },
  Logical_Switch_Port: {
    key: (row) => (row.name === 'foreign' ? undefined : row.name),
    places: ['Logical_Switch.ports', 'Port_Group.ports'],
  },
  Port_Group: { key: (row) => row.name },
} as const satisfies Scope<typeof northbound>;
const tables = Object.keys(scope);
const uuids = ['a', 'b', 'c', 'd', 'e'];

/**
 * A row is inserted, changed or deleted. Sets keep their order where possible, or come in any
 * order.
 */
const write = fc.record({
  table: fc.constantFrom(...tables),
  uuid: fc.constantFrom(...uuids),
  row: fc.option(
    fc.record(
      { name: fc.constantFrom('x', 'y', 'foreign'), ports: fc.shuffledSubarray(uuids) },
      { noNullPrototype: true },
    ),
  ),
});

function contentOf(index: RowIndex<typeof northbound>): object {
  const byName = (one: object, other: object) =>
    JSON.stringify(one).localeCompare(JSON.stringify(other));
  return {
    ours: [...index.ours()].sort(byName),
    links: uuids.map((uuid) => [...index.linksTo(uuid)].sort(byName)),
    found: tables.flatMap((table) =>
      ['x', 'y', 'foreign'].map((key) => index.find(table, key) !== undefined),
    ),
  };
}

describe('the index of rows', () => {
  it('follows changes', () => {
    fc.assert(
      fc.property(fc.array(write, { maxLength: 30 }), (writes) => {
        const rows: Record<string, Map<Uuid, AnyRow>> = Object.fromEntries(
          tables.map((table) => [table, new Map()]),
        );
        const index = new RowIndex(northbound, scope);
        for (const { table, uuid, row: now } of writes) {
          const tableRows = rows[table];
          const change: RowChange = { table, uuid, old: tableRows?.get(uuid) ?? null, now };
          if (now) tableRows?.set(uuid, now);
          else tableRows?.delete(uuid);
          index.take([change]);
        }
        assert.deepEqual(contentOf(index), contentOf(RowIndex.of(northbound, scope, rows)));
        for (const { table, key } of index.ours())
          assert.equal(index.row(table, index.find(table, key) ?? '')?.['name'], key);
      }),
      { numRuns: 300 },
    );
  });

  it('wants the columns that are places', () => {
    assert.throws(
      () => RowIndex.of(northbound, scope, { Port_Group: new Map([['a', { name: 'x' }]]) }),
      /come without ports/,
    );
  });
});
