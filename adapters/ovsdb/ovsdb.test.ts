// The OVSDB client against a real ovsdb-server with OVN's northbound schema.
import assert from 'node:assert/strict';
import { after, before, describe, it, type TestContext } from 'node:test';
import { silentLog } from '#platform/log.ts';
import { eventually } from '#platform/testing/eventually.ts';
import { OvsdbClient, type ClientOptions } from './client.ts';
import { OvsdbError, OvsdbTimeout, OvsdbTransactionError } from './errors.ts';
import { northbound } from './northbound.gen.ts';
import { operationsOf } from './operations.ts';
import { startPrivateOvsdb, whyNoOvsdb, type PrivateOvsdb } from './ovsdb-server.testing.ts';
import { plan, type DesiredRow } from './plan.ts';
import { RowIndex, type Scope } from './row-index.ts';
import { rowUuid } from './row-uuid.ts';
import { carryOut } from './transactions.ts';

const nb = operationsOf(northbound);
const whyNot = await whyNoOvsdb();
const skip = whyNot === null ? false : `no ovsdb-server here: ${whyNot}`;

type Nb = typeof northbound;
function connectedTo(
  context: TestContext,
  remote: string,
  options: Partial<ClientOptions<Nb>> = {},
): OvsdbClient<Nb> {
  const client = new OvsdbClient(
    { remotes: [remote], schema: northbound, backoffMs: { first: 20, last: 200 }, ...options },
    { log: silentLog },
  );
  context.after(() => client.close());
  return client;
}

const ports = {
  Logical_Switch: { columns: ['name', 'ports'] },
  Logical_Switch_Port: { columns: ['name', 'up', 'options', 'external_ids', 'tag'] },
} as const;

describe('the OVSDB client with a real server', { skip }, () => {
  let server: PrivateOvsdb;
  before(async () => void (server = await startPrivateOvsdb()));
  after(() => server.close());

  it('reads the schema it was generated from, over TCP', async (t) => {
    const client = connectedTo(t, server.tcp);
    assert.ok((await client.listDatabases()).includes('OVN_Northbound'));
    const schema = await client.getSchema();
    const columns = (tables: Record<string, { columns: object }>) =>
      Object.entries(tables)
        .map(([name, table]) => [name, Object.keys(table.columns).sort()] as const)
        .sort(([a], [b]) => a.localeCompare(b));
    assert.equal(schema.version, northbound.version);
    assert.deepEqual(columns(schema.tables), columns(northbound.tables));
  });

  it('carries each operation out and types its answer', async (t) => {
    const client = connectedTo(t, server.unix);
    const [port, network] = await client.transact([
      nb.insert(
        'Logical_Switch_Port',
        { name: 'all-ops', options: { a: '1', b: '2' }, tag: 7 },
        { uuidName: 'p' },
      ),
      nb.insert('Logical_Switch', { name: 'all-ops', ports: [{ named: 'p' }] }),
      nb.comment('the switch of a test'),
    ]);
    const [updated, mutated, selected, , deleted] = await client.transact([
      nb.update('Logical_Switch_Port', [['_uuid', '==', port.uuid]], { tag: null, up: true }),
      nb.mutate(
        'Logical_Switch_Port',
        [['name', '==', 'all-ops']],
        [
          ['options', 'delete', ['a']],
          ['options', 'insert', { c: '3' }],
          ['addresses', 'insert', ['dynamic']],
        ],
      ),
      nb.select(
        'Logical_Switch_Port',
        [['options', 'includes', { c: '3' }]],
        ['name', 'options', 'tag', 'up', 'addresses'],
      ),
      nb.wait('Logical_Switch', [['name', '==', 'all-ops']], '==', [{ ports: [port.uuid] }], 0),
      nb.delete('Logical_Switch', [['_uuid', '==', network.uuid]]),
    ]);
    assert.deepEqual([updated.count, mutated.count, deleted.count], [1, 1, 1]);
    assert.deepEqual(selected.rows, [
      {
        _uuid: port.uuid,
        name: 'all-ops',
        options: { b: '2', c: '3' },
        tag: null,
        up: true,
        addresses: ['dynamic'],
      },
    ]);
    const [left] = await client.transact([
      nb.select('Logical_Switch_Port', [['name', '==', 'all-ops']], ['name']),
    ]);
    assert.deepEqual(left.rows, [], 'a port goes with its switch');
  });

  it('says which operation failed and why, and does nothing of the rest', async (t) => {
    const client = connectedTo(t, server.unix);
    const failure = (code: string, operation: number | 'commit') => (error: unknown) =>
      error instanceof OvsdbTransactionError &&
      error.code === code &&
      error.operation === operation;
    await assert.rejects(
      client.transact([
        nb.comment('x'),
        nb.wait('Logical_Switch', [], '==', [{ name: 'never' }], 0),
      ]),
      failure('timed out', 1),
    );
    await assert.rejects(
      client.transact([nb.insert('Address_Set', { name: 'gone' }), nb.abort()]),
      failure('aborted', 1),
    );
    await assert.rejects(
      client.transact([
        nb.insert('Address_Set', { name: 'twin' }),
        nb.insert('Address_Set', { name: 'twin' }),
      ]),
      failure('constraint violation', 'commit'),
    );
    await assert.rejects(
      client.transact([
        nb.insert('Logical_Switch', { name: 'x', ports: ['4f9c2be1-5a4c-4d0c-8d1b-0d1bb6f9e0aa'] }),
      ]),
      failure('referential integrity violation', 'commit'),
    );
    const uuid = '4f9c2be1-5a4c-4d0c-8d1b-0d1bb6f9e0ab';
    assert.equal(
      (await client.transact([nb.insert('Address_Set', { name: 'own' }, { uuid })]))[0].uuid,
      uuid,
    );
    await assert.rejects(
      client.transact([nb.insert('Address_Set', { name: 'own too' }, { uuid })]),
      failure('duplicate uuid', 0),
    );
    const [sets] = await client.transact([nb.select('Address_Set', [], ['name'])]);
    assert.deepEqual(
      sets.rows.map((row) => row.name),
      ['own'],
    );
    await assert.rejects(client.call('transact', ['No_Such_Database']), OvsdbError);
  });

  it('cancels a transaction that waits, by signal and at the deadline', async (t) => {
    const client = connectedTo(t, server.unix);
    const never = nb.wait(
      'Logical_Switch',
      [['name', '==', 'never']],
      '==',
      [{ name: 'never' }],
      60_000,
    );
    const abort = new AbortController();
    const canceled = assert.rejects(
      client.transact([never], { signal: abort.signal }),
      (error) => error instanceof OvsdbError && error.code === 'canceled',
    );
    await client.listDatabases(); // is answered behind it: the wait is on its way
    abort.abort();
    await canceled;
    await assert.rejects(client.transact([never], { timeoutMs: 50 }), OvsdbTimeout);
    assert.ok(await client.listDatabases());
  });

  it('shows one client what the other changes, and its own changes before the answer', async (t) => {
    const [one, two] = [connectedTo(t, server.unix), connectedTo(t, server.tcp)];
    const heard: string[] = [];
    const [mine, theirs] = [
      one.replicate(ports),
      two.replicate(ports, {
        onChanges: (changes) => {
          for (const { table, old, now } of changes)
            if (table === 'Logical_Switch_Port')
              heard.push(
                `${old?.name ?? '-'} ${JSON.stringify(old?.tag ?? null)} -> ${now?.name ?? '-'} ${JSON.stringify(now?.tag ?? null)}`,
              );
        },
      }),
    ];
    await Promise.all([mine.ready(5_000), theirs.ready(5_000)]);
    assert.equal(mine.facts.method, 'monitor_cond_since');
    const [port, network] = await one.transact([
      nb.insert(
        'Logical_Switch_Port',
        { name: 'seen', external_ids: { a: '1', b: '2' } },
        { uuidName: 'p' },
      ),
      nb.insert('Logical_Switch', { name: 'seen', ports: [{ named: 'p' }] }),
    ]);
    const row = () => theirs.rows('Logical_Switch_Port').get(port.uuid);
    assert.deepEqual(mine.rows('Logical_Switch').get(network.uuid), {
      name: 'seen',
      ports: [port.uuid],
    });
    await eventually(row, { withinMs: 2_000, what: 'the other client sees the port' });
    assert.deepEqual(row(), {
      name: 'seen',
      up: null,
      options: {},
      external_ids: { a: '1', b: '2' },
      tag: null,
    });

    // Every kind of difference: set, change and clear an optional; add, change and remove a key.
    const where = [['_uuid', '==', port.uuid]] as const;
    await one.transact([
      nb.update('Logical_Switch_Port', where, {
        tag: 7,
        up: false,
        external_ids: { b: '3', c: '4' },
      }),
    ]);
    await one.transact([nb.update('Logical_Switch_Port', where, { tag: 8, up: true })]);
    await eventually(() => row()?.tag === 8, { withinMs: 2_000, what: 'tag 8' });
    assert.deepEqual(row(), {
      name: 'seen',
      up: true,
      options: {},
      external_ids: { b: '3', c: '4' },
      tag: 8,
    });
    await one.transact([nb.update('Logical_Switch_Port', where, { tag: null, up: null })]);
    await eventually(() => row()?.tag === null, { withinMs: 2_000, what: 'no tag' });
    assert.equal(row()?.up, null);
    await one.transact([nb.delete('Logical_Switch', [['_uuid', '==', network.uuid]])]);
    await eventually(() => !row() && !theirs.rows('Logical_Switch').has(network.uuid), {
      withinMs: 2_000,
      what: 'switch and port are gone',
    });
    assert.deepEqual(heard, [
      '- null -> seen null',
      'seen null -> seen 7',
      'seen 7 -> seen 8',
      'seen 8 -> seen null',
      'seen null -> - null',
    ]);
    theirs.close();
    await assert.rejects(theirs.ready(10));
  });

  it('sends only the rows asked for', async (t) => {
    const client = connectedTo(t, server.unix);
    await client.transact(
      ['one', 'two', 'three'].map((name) =>
        nb.insert('Address_Set', { name: `chosen-${name}`, addresses: [name] }),
      ),
    );
    const replica = client.replicate({
      Address_Set: {
        columns: ['name', 'addresses'],
        where: [
          ['name', '==', 'chosen-one'],
          ['addresses', 'includes', ['two']],
        ],
      },
    });
    await replica.ready(5_000);
    const names = () => [...replica.rows('Address_Set').values()].map((row) => row.name).sort();
    assert.deepEqual(names(), ['chosen-one', 'chosen-two']);
    await client.transact([
      nb.mutate(
        'Address_Set',
        [['name', '==', 'chosen-three']],
        [['addresses', 'insert', ['two']]],
      ),
    ]);
    assert.deepEqual(names(), ['chosen-one', 'chosen-three', 'chosen-two']);
    await client.transact([
      nb.mutate('Address_Set', [['name', '==', 'chosen-two']], [['addresses', 'delete', ['two']]]),
    ]);
    assert.deepEqual(names(), ['chosen-one', 'chosen-three']);
    await client.transact([nb.delete('Address_Set', [])]);
    assert.deepEqual(names(), []);
  });

  it('gives a lock to one client at a time; its owner alone may write under it', async (t) => {
    const [one, two] = [connectedTo(t, server.unix), connectedTo(t, server.unix)];
    const said: string[] = [];
    const first = one.lock('leader', (held) => said.push(`one ${held}`));
    await eventually(() => first.held, { withinMs: 2_000, what: 'the first client has the lock' });
    const second = two.lock('leader', (held) => said.push(`two ${held}`));
    await assert.rejects(
      two.transact([nb.assert('leader'), nb.insert('Address_Set', { name: 'no' })]),
      (error) =>
        error instanceof OvsdbTransactionError &&
        error.code === 'not owner' &&
        error.operation === 0,
    );
    await one.transact([nb.assert('leader'), nb.comment('mine')]);
    first.release();
    await eventually(() => second.held, { withinMs: 2_000, what: 'the second client has it' });
    const third = one.lock('leader', (held) => said.push(`third ${held}`));
    await one.steal(third);
    await eventually(() => !second.held, {
      withinMs: 2_000,
      what: 'the second client hears that it was stolen',
    });
    assert.ok(third.held);
    // Two connections: whose word comes first is open, what each one hears is not.
    assert.deepEqual(
      said.filter((each) => !each.startsWith('two')),
      ['one true', 'one false', 'third true'],
    );
    assert.deepEqual(
      said.filter((each) => each.startsWith('two')),
      ['two true', 'two false'],
    );
  });

  it('carries a transaction of some megabytes', async (t) => {
    const client = connectedTo(t, server.unix);
    const addresses = Array.from({ length: 100_000 }, (_, i) => `fd00::${i.toString(16)}`);
    const [, read] = await client.transact([
      nb.insert('Address_Set', { name: 'large', addresses }),
      nb.select('Address_Set', [['name', '==', 'large']], ['addresses']),
    ]);
    assert.equal(new Set(read.rows[0]?.addresses).size, addresses.length);
    await client.transact([nb.delete('Address_Set', [['name', '==', 'large']])]);
  });
});

/**
 * Kills the server under a client and starts it again; gives how the replica came back, after all
 * else was checked.
 */
async function dieAndReturn(
  t: TestContext,
  clustered: boolean,
): Promise<{ method: string | undefined; resumed: number; fetched: number }> {
  const server = await startPrivateOvsdb({ clustered });
  t.after(() => server.close());
  const client = connectedTo(t, server.unix, { connectTimeoutMs: 10_000 });
  const changes: string[] = [];
  const replica = client.replicate(ports, {
    onChanges: (list) => {
      for (const { table, old, now } of list)
        changes.push(`${table} ${old?.name ?? '-'} -> ${now?.name ?? '-'}`);
    },
    onTrue: () => changes.push('true'),
  });
  await replica.ready(5_000);
  const lock = client.lock('leader');
  await client.transact([
    nb.insert('Logical_Switch', { name: 'kept' }),
    nb.insert('Logical_Switch', { name: 'renamed' }),
    nb.insert('Logical_Switch', { name: 'removed' }),
  ]);
  await eventually(() => lock.held, { withinMs: 2_000, what: 'the lock' });
  changes.length = 0;

  await server.kill();
  await eventually(() => !replica.isTrue && !lock.held, {
    withinMs: 2_000,
    what: 'the loss is noticed',
  });
  assert.equal(replica.rows('Logical_Switch').size, 3, 'the rows stay while the server is away');
  // waits for the connection
  const meanwhile = client.transact([nb.insert('Logical_Switch', { name: 'meanwhile' })]);
  await server.start();
  // Another client may be first: its changes count as missed.
  const other = connectedTo(t, server.tcp, { connectTimeoutMs: 10_000 });
  await other.transact([
    nb.delete('Logical_Switch', [['name', '==', 'removed']]),
    nb.update('Logical_Switch', [['name', '==', 'renamed']], { name: 'new name' }),
  ]);
  await meanwhile;
  await eventually(() => changes.length >= 4, {
    withinMs: 5_000,
    what: 'three changes, and then the word that they are all',
  });
  assert.deepEqual([...changes].sort(), [
    'Logical_Switch - -> meanwhile',
    'Logical_Switch removed -> -',
    'Logical_Switch renamed -> new name',
    'true',
  ]);
  await eventually(() => lock.held && replica.isTrue, {
    withinMs: 5_000,
    what: 'the lock is ours again',
  });
  return replica.facts;
}

describe('a server that dies', { skip }, () => {
  const how = 'by kill -9 and comes back: calls wait for it, locks and replicas return';

  it(`${how} (all rows are fetched anew)`, async (t) =>
    assert.deepEqual(await dieAndReturn(t, false), {
      method: 'monitor_cond_since',
      resumed: 0,
      fetched: 2,
    }));

  // The server decides: now and then its history does not reach back to what the client has, and
  // all rows are fetched here, too.
  it(`${how} (what was missed is asked for)`, async (t) => {
    let facts = await dieAndReturn(t, true);
    for (let tries = 1; tries < 6 && facts.resumed === 0; tries += 1)
      facts = await dieAndReturn(t, true);
    assert.deepEqual(facts, { method: 'monitor_cond_since', resumed: 1, fetched: 1 });
  });
});

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
   * As Neutron's would be: ports with addresses and ids on a few networks, all in one security
   * group.
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

    // Somebody adds a stray port, deletes a switch with its thousand ports, and changes one.
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

    // A second reader has the same from the server itself.
    const reader = connectedTo(t, server.tcp);
    const fetchedFrom = performance.now();
    const copy = new RowIndex(northbound, scope);
    await reader.replicate(selection, { onChanges: (changes) => copy.take(changes) }).ready(20_000);
    t.diagnostic(`10,000 ports: fetched in ${Math.round(performance.now() - fetchedFrom)} ms`);
    assert.deepEqual(plan(copy, desired, 'undesired'), []);

    // One port more among the ten thousand, as an API call makes it.
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
