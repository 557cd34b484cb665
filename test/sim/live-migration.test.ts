// Port bindings in live migrations: they move to the destination when the hosts say that the guest
// does, and back if it stays after all. Real Nova, real Neutron, simulated hosts.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fault, isFault } from '#contracts/common/fault.ts';
import { conductorTopic } from '#contracts/nova/conductor-rpc.ts';
import type { GuestState } from '#contracts/nova/guest.ts';
import { eventually } from '#platform/testing/eventually.ts';
import type { SimCloud } from './sim-cloud.ts';
import { startSimCloud } from './sim-cloud.ts';

const settleMs = 30_000;

describe('the ports of a server that moves live', () => {
  let dir: string;
  let cloud: SimCloud;
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'cobalt-live-'));
    cloud = await startSimCloud({ dir, hosts: 2 });
  });
  after(async () => {
    await cloud?.stop();
    await rm(dir, { recursive: true, force: true });
  });

  const portHost = async (id: string): Promise<string | undefined> => {
    const { ports } = (await cloud.network('GET', `/ports?device_id=${id}`)).body as {
      ports: { 'binding:host_id': string }[];
    };
    return ports[0]?.['binding:host_id'];
  };
  const report = async (host: string, uuid: string, state: GuestState): Promise<void> => {
    const answer = await cloud.plane.bus.call(
      conductorTopic,
      'reportGuests',
      { host, guests: [{ uuid, state }], complete: false },
      { timeoutMs: 10_000, requestId: 'req-test' },
    );
    assert.ok(!isFault(answer), JSON.stringify(answer));
  };

  /** A server whose live migration does not converge: its hosts and its migration. */
  async function onItsWay() {
    const id = await cloud.createServer('vm');
    await cloud.quiet(settleMs);
    const source = (await cloud.show(id))?.['OS-EXT-SRV-ATTR:host'] ?? '';
    const destination = [...cloud.hosts.keys()].find((name) => name !== source) ?? '';
    cloud.hosts.get(source)?.guestIsRestless(id);
    assert.equal(
      await cloud.act(id, { 'os-migrateLive': { host: null, block_migration: 'auto' } }),
      202,
    );
    const migration = await eventually(
      async () => {
        const { migrations } = (await cloud.compute('GET', `/servers/${id}/migrations`)).body as {
          migrations: { id: number; status: string }[];
        };
        return migrations.find(({ status }) => status === 'running');
      },
      { withinMs: settleMs, what: 'the migration runs' },
    );
    assert.equal(await portHost(id), source);
    const abort = async () =>
      await cloud.compute('DELETE', `/servers/${id}/migrations/${migration.id}`);
    return { id, source, destination, abort };
  }

  it('follow it when it hands its memory over, and come back with it', async () => {
    const { id, source, destination, abort } = await onItsWay();
    await report(source, id, 'running');
    assert.equal(await portHost(id), source, 'it runs on where it is');
    await report(source, id, 'paused');
    assert.equal(await portHost(id), destination);
    assert.equal((await abort()).status, 202);
    await cloud.quiet(settleMs);
    assert.equal((await cloud.show(id))?.['OS-EXT-SRV-ATTR:host'], source);
    assert.equal(await portHost(id), source, 'it stayed, so do they');
  });

  it('follow it when it runs at the destination', async () => {
    const { id, destination, abort } = await onItsWay();
    await report(destination, id, 'running');
    assert.equal(await portHost(id), destination);
    await abort();
    await cloud.quiet(settleMs);
  });

  it('stay where they are when another host speaks of it, or no move is under way', async () => {
    const id = await cloud.createServer('vm');
    await cloud.quiet(settleMs);
    const host = await portHost(id);
    for (const other of cloud.hosts.keys()) await report(other, id, 'running');
    assert.equal(await portHost(id), host);
  });
});

describe('a live migration whose destination refuses the guest', () => {
  let dir: string;
  let cloud: SimCloud;
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'cobalt-refused-'));
    cloud = await startSimCloud({ dir, hosts: 3 });
  });
  after(async () => {
    await cloud?.stop();
    await rm(dir, { recursive: true, force: true });
  });

  /**
   * Migrates a server; returns where it is when everything has ended, and how its migrations ended.
   */
  async function migrate(
    refusing: (source: string) => string[],
    naming: (source: string) => string | null = () => null,
  ) {
    const id = await cloud.createServer('vm');
    await cloud.quiet(settleMs);
    const source = (await cloud.show(id))?.['OS-EXT-SRV-ATTR:host'] ?? '';
    const refused = refusing(source);
    for (const [name, each] of cloud.hosts) {
      each.clearTroubles();
      const refusal = fault('conflict', 'The CPU is of another kind.');
      if (refused.includes(name)) each.trouble('prepareArrival', { kind: 'fault', fault: refusal });
    }
    const wanted = { 'os-migrateLive': { host: naming(source), block_migration: 'auto' } };
    assert.equal(await cloud.act(id, wanted), 202);
    await cloud.quiet(settleMs);
    const { migrations } = (await cloud.compute('GET', `/os-migrations?instance_uuid=${id}`))
      .body as { migrations: { status: string; dest_compute: string }[] };
    const server = await cloud.show(id);
    return { source, server, migrations };
  }
  const others = (source: string): string[] =>
    [...cloud.hosts.keys()].filter((name) => name !== source);

  it('goes on to another one', async () => {
    for (const index of [0, 1]) {
      const { source, server, migrations } = await migrate((from) => [others(from)[index] ?? '']);
      const destination = others(source)[1 - index];
      assert.deepEqual([server?.status, server?.['OS-EXT-SRV-ATTR:host']], ['ACTIVE', destination]);
      assert.deepEqual(
        migrations.map(({ status, dest_compute }) => [status, dest_compute]),
        [['completed', destination]],
      );
    }
  });

  it('ends where all refuse, or where the operator named the one that does', async () => {
    const all = await migrate(others);
    assert.deepEqual(
      [all.server?.status, all.server?.['OS-EXT-SRV-ATTR:host'], all.migrations[0]?.status],
      ['ACTIVE', all.source, 'error'],
    );
    const named = await migrate(others, (source) => others(source)[0] ?? null);
    assert.equal(named.migrations[0]?.status, 'error');
  });
});
