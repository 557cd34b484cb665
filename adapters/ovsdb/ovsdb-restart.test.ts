// The OVSDB client while its ovsdb-server is killed and started again.
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { eventually } from '#platform/testing/eventually.ts';
import { connectedTo, nb, ports, skip } from './connected-client.testing.ts';
import { startPrivateOvsdb } from './ovsdb-server.testing.ts';

/**
 * Kills the server of a connected client and starts it again, checks that everything is restored,
 * and returns the replica's `facts`.
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
  // This transaction waits for the connection.
  const meanwhile = client.transact([nb.insert('Logical_Switch', { name: 'meanwhile' })]);
  await server.start();
  // Another client may connect first and change rows while this one is still disconnected.
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

  // The server decides: if its history does not reach back far enough, all rows are fetched here as
  // well. So the test tries several times.
  it(`${how} (what was missed is asked for)`, async (t) => {
    let facts = await dieAndReturn(t, true);
    for (let tries = 1; tries < 6 && facts.resumed === 0; tries += 1)
      facts = await dieAndReturn(t, true);
    assert.deepEqual(facts, { method: 'monitor_cond_since', resumed: 1, fetched: 1 });
  });
});
