import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
// Servers and the hosts on which they are placed: nothing is overbooked, a failed build goes to the
// next host, a guest's own end is noticed at once, and guests run again after a host's power
// failure.
import { placementAudit } from '#compose/roles/placement.ts';
import { fault } from '#contracts/common/fault.ts';
import { eventually } from '#platform/testing/eventually.ts';
import type { SimCloud, SimCloudOptions } from './sim-cloud.ts';
import { startSimCloud } from './sim-cloud.ts';

const settleMs = 15_000;

/** A cloud for one group of tests, emptied before each test. */
function withCloud(options: Omit<SimCloudOptions, 'dir'>): { cloud: SimCloud } {
  const fixture = {} as { cloud: SimCloud };
  let dir: string;
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'cobalt-hosts-'));
    fixture.cloud = await startSimCloud({ dir, ...options });
  });
  beforeEach(async () => {
    for (const host of fixture.cloud.hosts.values()) host.clearTroubles();
    for (const { id } of await fixture.cloud.list())
      await fixture.cloud.compute('DELETE', `/servers/${id}`);
    assert.deepEqual(await fixture.cloud.quiet(settleMs), []);
  });
  after(async () => {
    await fixture.cloud.stop();
    await rm(dir, { recursive: true, force: true });
  });
  return fixture;
}

const hostOf = async (cloud: SimCloud, id: string): Promise<string> =>
  (await cloud.show(id))?.['OS-EXT-SRV-ATTR:host'] ?? assert.fail(`server ${id} is on no host`);

describe('hosts with little room', () => {
  // Each host has room for exactly three m1.tiny (512 MiB). Together with those that find no room,
  // the servers use up a project's quota of ten.
  const fixture = withCloud({
    hosts: 2,
    host: { vcpus: 64, memoryMib: 2048, diskGib: 1000 },
    agent: { ramAllocationRatio: 1, cpuAllocationRatio: 1 },
  });
  const memoryReservedMib = 512;

  it('are never overbooked by creates at the same time, and every place is given away', async () => {
    const { cloud } = fixture;
    const places = 2 * ((2048 - memoryReservedMib) / 512);
    await Promise.all(
      Array.from({ length: places + 4 }, async (_, index) => {
        if (index % 2 === 0) await new Promise((resolve) => setImmediate(resolve));
        return await cloud.createServer(`vm${index}`, { flavor: '1' });
      }),
    );
    const servers = await cloud.quiet(settleMs);
    const active = servers.filter(({ status }) => status === 'ACTIVE');
    assert.equal(active.length, places);
    for (const refused of servers.filter(({ status }) => status !== 'ACTIVE'))
      assert.match(refused.fault?.message ?? '', /No valid host was found/);
    for (const [name] of cloud.hosts)
      assert.equal(
        active.filter((server) => server['OS-EXT-SRV-ATTR:host'] === name).length,
        places / 2,
        `servers on ${name}`,
      );
    const { allocations } = await placementAudit(cloud.plane.process);
    for (const { uuid } of (await placementAudit(cloud.plane.process)).providers) {
      const used = allocations
        .filter(({ provider, resourceClass }) => provider === uuid && resourceClass === 'MEMORY_MB')
        .reduce((sum, allocation) => sum + allocation.used, 0);
      assert.ok(used <= 2048 - memoryReservedMib, `${used} MiB are claimed`);
    }
  });

  it('give a place away again as soon as it is free', async () => {
    const { cloud } = fixture;
    const first = await Promise.all(
      Array.from(
        { length: 6 },
        async (_, index) => await cloud.createServer(`vm${index}`, { flavor: '1' }),
      ),
    );
    await cloud.quiet(settleMs);
    await cloud.compute('DELETE', `/servers/${first[4]}`);
    await cloud.quiet(settleMs);
    const id = await cloud.createServer('late', { flavor: '1' });
    await cloud.quiet(settleMs);
    assert.equal((await cloud.show(id))?.status, 'ACTIVE');
  });
});

describe('a build', () => {
  const fixture = withCloud({ hosts: 3 });

  it('goes to the next host when one fails, and leaves nothing on the first', async () => {
    const { cloud } = fixture;
    const hosts = [...cloud.hosts.values()];
    // Only the first host must fail: the others meet their failure only if they are asked.
    hosts.forEach((host) =>
      host.trouble('create', { kind: 'fault', fault: fault('unavailable', 'no hypervisor') }),
    );
    const once = await cloud.createServer('vm');
    await eventually(async () => (await cloud.show(once))?.status === 'ERROR', {
      withinMs: settleMs,
      what: 'all three hosts have failed',
    });
    assert.match((await cloud.show(once))?.fault?.message ?? '', /no hypervisor/);
    // Each host had one failure and has met it: the next build succeeds.
    const id = await cloud.createServer('vm2');
    await cloud.quiet(settleMs);
    assert.equal((await cloud.show(id))?.status, 'ACTIVE');

    const first = cloud.hosts.get(await hostOf(cloud, id));
    assert.ok(first);
    await cloud.compute('DELETE', `/servers/${id}`);
    await cloud.quiet(settleMs);
    // The answer is lost although the guest was created: the guest must not stay there.
    for (const host of hosts.slice(0, 2))
      host.trouble('create', { kind: 'lostAnswer', fault: fault('timeout', 'too late') });
    const retried = await cloud.createServer('vm3');
    await cloud.quiet(settleMs);
    assert.equal((await cloud.show(retried))?.status, 'ACTIVE');
    const guests = (await Promise.all(hosts.map(async (host) => await host.list()))).flat();
    assert.equal(guests.length, 1, 'one guest in the whole cloud');
  });

  it('whose guest may run on a host that went away is tried nowhere else', async () => {
    const { cloud } = fixture;
    for (const host of cloud.hosts.values()) {
      host.trouble('create', { kind: 'lostAnswer', fault: fault('unavailable', 'gone') });
      for (let call = 0; call < 2; call += 1)
        host.trouble('destroy', { kind: 'fault', fault: fault('unavailable', 'gone') });
    }
    const id = await cloud.createServer('vm');
    await eventually(async () => (await cloud.show(id))?.status === 'ERROR', {
      withinMs: settleMs,
      what: 'the first host has failed',
    });
    assert.match((await cloud.show(id))?.fault?.message ?? '', /gone/);
    const hosts = [...cloud.hosts.values()];
    assert.equal(
      (await Promise.all(hosts.map(async (host) => await host.list()))).flat().length,
      1,
    );
    await cloud.restartAgents(); // which removes what should not be there
    await cloud.quiet(settleMs);
  });

  it('on a host that was asked for by name is tried nowhere else', async () => {
    const { cloud } = fixture;
    cloud.hosts
      .get('sim0002')
      ?.trouble('create', { kind: 'fault', fault: fault('unavailable', 'no hypervisor') });
    const id = await cloud.createServer('vm', { host: 'sim0002' });
    await cloud.quiet(settleMs);
    assert.equal((await cloud.show(id))?.status, 'ERROR');
  });
});

describe('a guest', () => {
  const fixture = withCloud({ hosts: 3 });

  for (const how of ['shutoff', 'crashed'] as const) {
    it(`that ends by itself (${how}) makes its server SHUTOFF within two seconds`, async () => {
      const { cloud } = fixture;
      const id = await cloud.createServer('vm');
      await cloud.quiet(settleMs);
      cloud.hosts.get(await hostOf(cloud, id))?.guestEnds(id, how);
      await eventually(async () => (await cloud.show(id))?.status === 'SHUTOFF', {
        withinMs: 2_000,
        what: 'the server is SHUTOFF',
      });
      assert.equal(await cloud.act(id, { 'os-start': null }), 202);
      await cloud.quiet(settleMs);
      assert.equal((await cloud.show(id))?.status, 'ACTIVE');
    });
  }

  it('that ends before the operation that started it has ended makes its server SHUTOFF as well', async () => {
    const { cloud } = fixture;
    const id = await cloud.createServer('vm');
    await cloud.quiet(settleMs);
    await cloud.act(id, { 'os-stop': null });
    await cloud.quiet(settleMs);
    const host = cloud.hosts.get(await hostOf(cloud, id)) ?? assert.fail();
    const unsubscribe = host.onEvent(({ uuid, state }) => {
      if (uuid === id && state === 'running') host.guestEnds(id, 'crashed');
    });
    assert.equal(await cloud.act(id, { 'os-start': null }), 202);
    await cloud.quiet(settleMs);
    unsubscribe();
    await eventually(async () => (await cloud.show(id))?.status === 'SHUTOFF', {
      withinMs: 5_000,
      what: 'the server is SHUTOFF',
    });
  });

  it('that ran when its host lost power runs again when the host is back; one that was off stays off', async () => {
    const { cloud } = fixture;
    const [running, stopped] = [
      await cloud.createServer('running', { host: 'sim0001' }),
      await cloud.createServer('stopped', { host: 'sim0001' }),
    ];
    await cloud.quiet(settleMs);
    await cloud.act(stopped, { 'os-stop': null });
    await cloud.quiet(settleMs);
    cloud.hosts.get('sim0001')?.powerFailure();
    assert.equal(await cloud.hosts.get('sim0001')?.state(running), 'crashed');
    await cloud.restartAgents();
    await cloud.quiet(settleMs);
    assert.equal((await cloud.show(running))?.status, 'ACTIVE');
    assert.equal(await cloud.hosts.get('sim0001')?.state(running), 'running');
    assert.equal((await cloud.show(stopped))?.status, 'SHUTOFF');
  });

  it('that was deleted while its host was away is gone when the host is back', async () => {
    const { cloud } = fixture;
    const id = await cloud.createServer('vm', { host: 'sim0001' });
    await cloud.quiet(settleMs);
    cloud.hosts.get('sim0001')?.trouble('destroy', {
      kind: 'fault',
      fault: fault('unavailable', 'the hypervisor is away'),
    });
    await cloud.compute('DELETE', `/servers/${id}`);
    await eventually(async () => (await cloud.show(id)) === undefined, {
      withinMs: settleMs,
      what: 'the tenant does not wait for the host',
    });
    assert.equal(await cloud.hosts.get('sim0001')?.state(id), 'running');
    await cloud.restartAgents();
    assert.deepEqual(await cloud.quiet(settleMs), []);
  });
});
