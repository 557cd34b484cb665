// Plan, transactions and replica with ten thousand ports, against a real ovsdb-server. Prints
// times.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually } from '#platform/testing/eventually.ts';
import { connectedTo, nb, skip, type Nb } from './connected-client.testing.ts';
import { OvsdbTransactionError } from './errors.ts';
import { northbound } from './northbound.gen.ts';
import { startPrivateOvsdb } from './ovsdb-server.testing.ts';
import { plan, type DesiredRow } from './plan.ts';
import { RowIndex, type Scope } from './row-index.ts';
import { rowUuid } from './row-uuid.ts';
import { carryOut } from './transactions.ts';

describe('ten thousand ports', { skip }, () => {
  const scope = {
    Logical_Switch: { key: (row) => row.name },
    Logical_Switch_Port: {
      key: (row) => row.name,
      places: ['Logical_Switch.ports', 'Port_Group.ports'],
    },
    Port_Group: { key: (row) => row.name },
  } as const satisfies Scope<Nb>;
  const selection = {
    Logical_Switch: { columns: ['name', 'ports', 'external_ids'] },
    Logical_Switch_Port: {
      columns: ['name', 'addresses', 'port_security', 'external_ids', 'enabled'],
    },
    Port_Group: { columns: ['name', 'ports', 'external_ids'] },
  } as const;

  /**
   * Rows as Neutron writes them: ports with addresses and ids on a few networks, all in one
   * security group.
   */
  function* desiredRows(networks: number, each: number): Generator<DesiredRow<Nb>> {
    const names = Array.from({ length: networks * each }, (_, i) => rowUuid('port', String(i)));
    for (let n = 0; n < networks; n += 1)
      yield {
        table: 'Logical_Switch',
        key: `net-${n}`,
        columns: { name: `net-${n}`, external_ids: { 'neutron:revision': '1' } },
      };
    for (const [i, name] of names.entries()) {
      const address = `fa:16:3e:00:${(i >> 8).toString(16).padStart(2, '0')}:${(i & 255).toString(16).padStart(2, '0')} 10.${i % networks}.${(i >> 8) & 255}.${i & 255}`;
      yield {
        table: 'Logical_Switch_Port',
        key: name,
        columns: {
          name,
          addresses: [address],
          port_security: [address],
          enabled: true,
          external_ids: {
            'neutron:revision': '1',
            'neutron:device_owner': 'compute:nova',
            'neutron:port_name': `port-${i}`,
          },
        },
        in: [
          { place: 'Logical_Switch.ports', key: `net-${i % networks}` },
          { place: 'Port_Group.ports', key: 'default' },
        ],
      };
    }
    yield { table: 'Port_Group', key: 'default', columns: { name: 'default', external_ids: {} } };
  }

  it('reach an empty database in batches, and drift is mended', async (t) => {
    const server = await startPrivateOvsdb();
    t.after(() => server.close());
    const client = connectedTo(t, server.unix);
    const real = new RowIndex(northbound, scope);
    const replica = client.replicate(selection, { onChanges: (changes) => real.take(changes) });
    await replica.ready(5_000);
    const desired = [...desiredRows(10, 1_000)];

    const startedAt = performance.now();
    const steps = plan(real, desired, 'undesired');
    const plannedAt = performance.now();
    await carryOut(client, northbound, steps);
    const writtenAt = performance.now();
    assert.deepEqual(
      plan(real, desired, 'undesired'),
      [],
      'nothing is left to do, says our own replica',
    );
    t.diagnostic(
      `10,000 ports: planned in ${Math.round(plannedAt - startedAt)} ms, written in ${Math.round(writtenAt - plannedAt)} ms, compared again in ${Math.round(performance.now() - writtenAt)} ms`,
    );
    assert.equal(replica.rows('Logical_Switch_Port').size, 10_000);
    assert.equal(
      replica.rows('Port_Group').values().next().value?.ports.length,
      10_000,
      'no weak reference was dropped',
    );

    // Another client adds a stray port, deletes a switch with its thousand ports, and changes one
    // port.
    const vandal = connectedTo(t, server.tcp);
    await vandal.transact([
      nb.insert('Logical_Switch_Port', { name: 'stray' }, { uuidName: 's' }),
      nb.mutate(
        'Logical_Switch',
        [['name', '==', 'net-1']],
        [['ports', 'insert', [{ named: 's' }]]],
      ),
      nb.delete('Logical_Switch', [['name', '==', 'net-2']]),
      nb.update('Logical_Switch_Port', [['name', '==', rowUuid('port', '0')]], { enabled: false }),
    ]);
    await eventually(() => replica.rows('Logical_Switch_Port').size === 9_001, {
      withinMs: 5_000,
      what: 'the damage is seen',
    });
    const mending = plan(real, desired, 'undesired');
    assert.deepEqual(
      Map.groupBy(mending, (step) => step.kind)
        .entries()
        .map(([kind, list]) => [kind, list.length])
        .toArray(),
      [
        ['insert', 1_001],
        ['update', 1],
        ['delete', 1],
      ],
    );
    await carryOut(client, northbound, mending);
    assert.deepEqual(plan(real, desired, 'undesired'), []);

    // A second reader fetches the same from the server.
    const reader = connectedTo(t, server.tcp);
    const fetchedFrom = performance.now();
    const copy = new RowIndex(northbound, scope);
    await reader.replicate(selection, { onChanges: (changes) => copy.take(changes) }).ready(20_000);
    t.diagnostic(`10,000 ports: fetched in ${Math.round(performance.now() - fetchedFrom)} ms`);
    assert.deepEqual(plan(copy, desired, 'undesired'), []);

    // One more port among ten thousand, as one API call adds.
    const address = '00:00:00:00:00:01';
    const oneFrom = performance.now();
    for (let i = 0; i < 50; i += 1) {
      const row: DesiredRow<Nb> = {
        table: 'Logical_Switch_Port',
        key: `one-${i}`,
        columns: { name: `one-${i}`, addresses: [address] },
        in: [
          { place: 'Logical_Switch.ports', key: 'net-0' },
          { place: 'Port_Group.ports', key: 'default' },
        ],
      };
      await carryOut(client, northbound, plan(real, [row], []));
    }
    t.diagnostic(
      `one port more among 10,000: ${((performance.now() - oneFrom) / 50).toFixed(1)} ms each`,
    );
    assert.equal(replica.rows('Logical_Switch_Port').size, 10_050);
  });

  it('are written once, however often the same transactions are sent', async (t) => {
    const server = await startPrivateOvsdb();
    t.after(() => server.close());
    const client = connectedTo(t, server.unix);
    const steps = plan(new RowIndex(northbound, scope), desiredRows(1, 10), 'undesired');
    await carryOut(client, northbound, steps);
    await assert.rejects(
      carryOut(client, northbound, steps),
      (error) => error instanceof OvsdbTransactionError && error.code === 'duplicate uuid',
    );
    const [left] = await client.transact([nb.select('Logical_Switch_Port', [], ['name'])]);
    assert.equal(left.rows.length, 10);
  });
});
