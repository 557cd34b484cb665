// The OVSDB client against a real ovsdb-server with OVN's northbound schema. Restarts of the
// server: ovsdb-restart.test.ts; many rows: ovsdb-scale.test.ts.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually } from '#platform/testing/eventually.ts';
import { connectedTo, nb, ports, skip } from './connected-client.testing.ts';
import { OvsdbError, OvsdbTimeout, OvsdbTransactionError } from './errors.ts';
import { northbound } from './northbound.gen.ts';
import { startPrivateOvsdb, type PrivateOvsdb } from './ovsdb-server.testing.ts';

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
    await client.listDatabases(); // once this is answered, the server has begun to wait
    abort.abort();
    await canceled;
    await assert.rejects(client.transact([never], { timeoutMs: 50 }), OvsdbTimeout);
    assert.ok(await client.listDatabases());
  });

  it('shows one client what the other changes, and its own changes before the answer', async (t) => {
    const [one, two] = [connectedTo(t, server.unix), connectedTo(t, server.tcp)];
    const events: string[] = [];
    const [mine, theirs] = [
      one.replicate(ports),
      two.replicate(ports, {
        onChanges: (changes) => {
          for (const { table, old, now } of changes)
            if (table === 'Logical_Switch_Port')
              events.push(
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
    assert.deepEqual(events, [
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
    const lockChanges: string[] = [];
    const first = one.lock('leader', (isHeld) => lockChanges.push(`one ${isHeld}`));
    await eventually(() => first.held, { withinMs: 2_000, what: 'the first client has the lock' });
    const second = two.lock('leader', (isHeld) => lockChanges.push(`two ${isHeld}`));
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
    const third = one.lock('leader', (isHeld) => lockChanges.push(`third ${isHeld}`));
    await one.steal(third);
    await eventually(() => !second.held, {
      withinMs: 2_000,
      what: 'the second client hears that it was stolen',
    });
    assert.ok(third.held);
    // Two connections: the order between them is open, the order on each is not.
    assert.deepEqual(
      lockChanges.filter((each) => !each.startsWith('two')),
      ['one true', 'one false', 'third true'],
    );
    assert.deepEqual(
      lockChanges.filter((each) => each.startsWith('two')),
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
