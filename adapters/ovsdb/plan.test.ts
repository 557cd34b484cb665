// The planner on its own: rows that are missing, differ, are strays, have moved or exist twice.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { northbound } from './northbound.gen.ts';
import { plan as planOf, type DesiredRow, type Removal, type Step } from './plan.ts';
import { RowIndex, type Scope } from './row-index.ts';
import { rowUuid } from './row-uuid.ts';
import type { AnyRow, Uuid } from './schema.ts';
import { transactionsOf } from './transactions.ts';

type Nb = typeof northbound;
const scope = {
  Logical_Switch: { key: (row) => row.name },
  Logical_Switch_Port: {
    key: (row) => (row.external_ids['cobalt:foreign'] === undefined ? row.name : undefined),
    places: ['Logical_Switch.ports', 'Port_Group.ports'],
  },
  DHCP_Options: { key: (row) => row.external_ids['subnet'] },
  Port_Group: { key: (row) => row.name },
} as const satisfies Scope<Nb>;

const network = (key: string): DesiredRow<Nb> => ({
  table: 'Logical_Switch',
  key,
  columns: { name: key },
});
const port = (
  key: string,
  on: string,
  columns: object = {},
  groups: string[] = [],
): DesiredRow<Nb> => ({
  table: 'Logical_Switch_Port',
  key,
  columns: { name: key, external_ids: {}, dhcpv4_options: null, ...columns },
  in: [
    { place: 'Logical_Switch.ports', key: on },
    ...groups.map((key) => ({ place: 'Port_Group.ports' as const, key })),
  ],
});
const group = (key: string): DesiredRow<Nb> => ({
  table: 'Port_Group',
  key,
  columns: { name: key },
});

type World = Record<keyof typeof scope, Map<Uuid, AnyRow>>;
const plan = (
  desired: readonly DesiredRow<Nb>[],
  real: World,
  removal: Removal<Nb> = 'undesired',
) => planOf(RowIndex.of(northbound, scope, real), desired, removal);
const empty = (): World => ({
  Logical_Switch: new Map(),
  Logical_Switch_Port: new Map(),
  DHCP_Options: new Map(),
  Port_Group: new Map(),
});

/** The rows after these steps, as a server would leave them: rows without a parent are removed. */
function after(world: World, steps: readonly Step[]): World {
  const next = structuredClone(world);
  const setOf = (table: string) => next[table as keyof World];
  for (const step of steps) {
    const rows = setOf(step.table);
    if (step.kind === 'delete') rows.delete(step.uuid);
    else
      rows.set(step.uuid, {
        ...(step.kind === 'insert' ? defaults[step.table] : rows.get(step.uuid)),
        ...step.columns,
      });
    for (const [links, change] of [
      [step.attach, 'add'],
      [step.detach, 'delete'],
    ] as const) {
      for (const link of links) {
        const parent = setOf(link.table).get(link.uuid);
        if (!parent) continue;
        const children = new Set(parent[link.column] as Uuid[]);
        children[change](link.child);
        setOf(link.table).set(link.uuid, { ...parent, [link.column]: [...children] });
      }
    }
  }
  const hanging = new Set(
    [...next.Logical_Switch.values()].flatMap((row) => row['ports'] as Uuid[]),
  );
  for (const uuid of next.Logical_Switch_Port.keys())
    if (!hanging.has(uuid)) next.Logical_Switch_Port.delete(uuid);
  return next;
}
const defaults: Readonly<Record<string, AnyRow>> = {
  Logical_Switch: { name: '', ports: [] },
  Logical_Switch_Port: { name: '', external_ids: {}, dhcpv4_options: null },
  DHCP_Options: { cidr: '', external_ids: {} },
  Port_Group: { name: '', ports: [] },
};
const kinds = (steps: readonly Step[]) => steps.map((step) => `${step.kind} ${step.key}`);

describe('the plan', () => {
  it('inserts what lacks, parents and the referred to first, and is then at rest', () => {
    const desired: DesiredRow<Nb>[] = [
      port('p1', 'n', { dhcpv4_options: { key: 's' } }, ['pg']),
      {
        table: 'DHCP_Options',
        key: 's',
        columns: { cidr: '10.0.0.0/24', external_ids: { subnet: 's' } },
      },
      network('n'),
      group('pg'),
    ];
    const steps = plan(desired, empty());
    assert.deepEqual(kinds(steps), ['insert s', 'insert pg', 'insert n', 'insert p1']);
    const child = rowUuid('Logical_Switch_Port', 'p1');
    assert.deepEqual(steps[3]?.attach, [
      { table: 'Logical_Switch', uuid: rowUuid('Logical_Switch', 'n'), column: 'ports', child },
      { table: 'Port_Group', uuid: rowUuid('Port_Group', 'pg'), column: 'ports', child },
    ]);
    assert.deepEqual(plan(desired, after(empty(), steps)), []);
  });

  it('changes only the columns that differ', () => {
    const world = after(
      empty(),
      plan([network('n'), port('p', 'n', { external_ids: { a: '1' } })], empty()),
    );
    const [step, ...rest] = plan(
      [network('n'), port('p', 'n', { external_ids: { a: '2' } })],
      world,
    );
    assert.deepEqual(rest, []);
    assert.deepEqual(step?.kind === 'update' && step.columns, { external_ids: { a: '2' } });
  });

  it('removes what nobody desires and leaves what is not ours', () => {
    const world = after(
      empty(),
      plan(
        [
          network('n'),
          port('stray', 'n'),
          port('foreign', 'n', { external_ids: { 'cobalt:foreign': 'yes' } }),
        ],
        empty(),
      ),
    );
    const steps = plan([network('n')], world);
    assert.deepEqual(kinds(steps), ['delete stray']);
    assert.deepEqual(
      [...after(world, steps).Logical_Switch_Port.values()].map((row) => row['name']),
      ['foreign'],
    );
  });

  it('lets ports go with their switch without a word about each', () => {
    const world = after(empty(), plan([network('n'), port('a', 'n'), port('b', 'n')], empty()));
    assert.deepEqual(kinds(plan([], world)), ['delete n']);
  });

  it('moves a row to another parent', () => {
    const world = after(empty(), plan([network('n'), network('m'), port('p', 'n')], empty()));
    const steps = plan([network('m'), port('p', 'm')], world);
    assert.deepEqual(kinds(steps), ['update p', 'delete n']);
    assert.equal(after(world, steps).Logical_Switch_Port.size, 1);
  });

  it('follows a port from group to group, and into none', () => {
    const groups = [network('n'), group('a'), group('b'), group('c')];
    const world = after(empty(), plan([...groups, port('p', 'n', {}, ['a', 'b'])], empty()));
    const [step, ...rest] = plan([...groups, port('p', 'n', {}, ['b', 'c'])], world);
    assert.deepEqual(rest, []);
    const of = (key: string) => rowUuid('Port_Group', key);
    assert.deepEqual(
      [step?.attach.map((link) => link.uuid), step?.detach.map((link) => link.uuid)],
      [[of('c')], [of('a')]],
    );
    assert.deepEqual(
      plan([...groups, port('p', 'n')], world)[0]?.detach.map((link) => link.uuid),
      [of('a'), of('b')],
    );
  });

  it('of a few rows leaves the others alone, and removes those named', () => {
    const world = after(empty(), plan([network('n'), port('a', 'n'), port('b', 'n')], empty()));
    assert.deepEqual(
      kinds(
        plan([port('c', 'n')], world, [
          { table: 'Logical_Switch_Port', key: 'a' },
          { table: 'Logical_Switch_Port', key: 'never was' },
        ]),
      ),
      ['insert c', 'delete a'],
    );
  });

  it("adopts a row that came by another way, and ends a key's second row", () => {
    const world = empty();
    for (const uuid of ['u1', 'u2']) world.Logical_Switch.set(uuid, { name: 'n', ports: [] });
    assert.deepEqual(
      plan([network('n')], world).map(({ kind, uuid }) => [kind, uuid]),
      [['delete', 'u2']],
    );
  });

  it('mends a row of ours that was renamed, instead of inserting its UUID again', () => {
    const world = after(empty(), plan([network('n')], empty()));
    world.Logical_Switch.set(rowUuid('Logical_Switch', 'n'), { name: 'x', ports: [] });
    assert.deepEqual(kinds(plan([network('n')], world)), ['update n']);
  });

  it('takes a map that happens to have a `key` for a map', () => {
    const [, step] = plan([network('n'), port('p', 'n', { external_ids: { key: 'v' } })], empty());
    assert.deepEqual(step?.kind === 'insert' && step.columns['external_ids'], { key: 'v' });
  });

  it('refuses what cannot be right', () => {
    const from =
      (...desired: DesiredRow<Nb>[]) =>
      () =>
        plan(desired, empty());
    assert.throws(from(network('n'), network('n')), /desired twice/);
    assert.throws(from(port('p', 'nowhere')), /neither desired nor there/);
    assert.throws(from({ table: 'Logical_Switch_Port', key: 'p', columns: {} }), /hangs nowhere/);
    assert.throws(from({ table: 'Meter', key: 'm', columns: {} }), /outside of the scope/);
    assert.throws(
      from(
        network('n'),
        {
          table: 'Logical_Switch_Port',
          key: 'p',
          columns: {},
          in: [{ place: 'Port_Group.ports', key: 'g' }],
        },
        group('g'),
      ),
      /hangs nowhere/,
    );
    assert.throws(
      from(network('n'), {
        table: 'DHCP_Options',
        key: 'd',
        columns: {},
        in: [{ place: 'Logical_Switch.ports', key: 'n' }],
      }),
      /not among the places/,
    );
  });

  it('leads from any world to any other, and then rests', () => {
    const rows = fc
      .uniqueArray(fc.nat(3))
      .chain((networks) =>
        fc
          .uniqueArray(
            fc.record({ port: fc.nat(5), on: fc.nat(3), tag: fc.constantFrom('a', 'b') }),
            { selector: (each) => each.port },
          )
          .map((ports) => [
            ...networks.map((n) => network(`n${n}`)),
            ...ports
              .filter((each) => networks.includes(each.on))
              .map((each) =>
                port(`p${each.port}`, `n${each.on}`, { external_ids: { tag: each.tag } }),
              ),
          ]),
      );
    fc.assert(
      fc.property(rows, rows, (before, desired) => {
        const world = after(empty(), plan(before, empty()));
        const reached = after(world, plan(desired, world));
        assert.deepEqual(plan(desired, reached), []);
        assert.equal(
          reached.Logical_Switch.size + reached.Logical_Switch_Port.size,
          desired.length,
        );
      }),
    );
  });

  it('is packed into transactions with one mutation a parent', () => {
    const steps = plan(
      [network('n'), ...Array.from({ length: 10 }, (_, i) => port(`p${i}`, 'n'))],
      empty(),
    );
    const transactions = transactionsOf(northbound, steps, 6);
    assert.deepEqual(
      transactions.map((operations) => operations.map((each) => each.wire['op'])),
      [
        [...Array.from({ length: 6 }, () => 'insert'), 'mutate'],
        [...Array.from({ length: 5 }, () => 'insert'), 'mutate'],
      ],
    );
  });
});
