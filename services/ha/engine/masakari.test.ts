// The engine with masakari's segments, reserved hosts, and notifications of external monitors.
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import type { NotificationType, RecoveryMethod } from '#contracts/ha/masakari.ts';
import { findHost } from '../store/hosts.ts';
import { createNotification, findNotification } from '../store/notifications.ts';
import {
  changeSegment,
  changeSegmentHost,
  createSegment,
  createSegmentHost,
  findSegmentHost,
} from '../store/segments.ts';
import { answerOnce } from './answer-notifications.ts';
import type { Engine, TestFleet } from './engine.testing.ts';
import { addServer, startTestFleet } from './engine.testing.ts';

let fleet: TestFleet;
let engine: Engine;
afterEach(async () => await fleet.close());

const begin = async (...names: string[]): Promise<void> => {
  fleet = await startTestFleet(names, { maxZonePercent: 100 });
  engine = fleet.startEngine();
  await fleet.run(engine, 3);
};
const placeOf = (id: string) => fleet.servers.get(id)?.['OS-EXT-SRV-ATTR:host'];

/**
 * Creates a segment with all hosts of the fleet. Those in `reserved` are disabled in Nova, as
 * masakari requires.
 */
async function segment(method: RecoveryMethod, ...reserved: string[]): Promise<void> {
  const { db } = fleet.database;
  const timestamps = { created_at_ms: fleet.clock.now() };
  const named = { name: 'all', description: null, service_type: 'COMPUTE', enabled: 1 };
  await createSegment(db, { uuid: 'segment', ...named, recovery_method: method, ...timestamps });
  for (const name of fleet.hosts.keys())
    await createSegmentHost(db, {
      uuid: `uuid-${name}`,
      segment_uuid: 'segment',
      name,
      type: 'COMPUTE',
      control_attributes: 'SSH',
      reserved: reserved.includes(name) ? 1 : 0,
      on_maintenance: 0,
      ...timestamps,
    });
  for (const name of reserved)
    Object.assign(fleet.services.get(name) ?? {}, { status: 'disabled' });
}
const isReserved = async (name: string): Promise<boolean> =>
  (await findSegmentHost(fleet.database.db, 'segment', `uuid-${name}`))?.reserved === 1;

describe('a segment', () => {
  const methods: [RecoveryMethod, string][] = [
    ['auto', 'b'],
    ['auto_priority', 'b'],
    ['reserved_host', 'r'],
    ['rh_priority', 'r'],
  ];
  for (const [method, target] of methods)
    it(`with recovery method ${method} has the servers of a host that dies on ${target}`, async () => {
      await begin('a', 'b', 'r');
      await segment(method, 'r');
      addServer(fleet, 'vm1', 'a');
      addServer(fleet, 'vm2', 'a');
      fleet.die('a');
      await fleet.reaches(engine, 'a', 'Recovered', 60);
      assert.deepEqual(['vm1', 'vm2'].map(placeOf), [target, target]);
      assert.equal(await isReserved('r'), target !== 'r');
      assert.equal(fleet.services.get('r')?.status, target === 'r' ? 'enabled' : 'disabled');
    });

  it('goes on to the other way where the first one fails, once each', async () => {
    for (const [method, refusing, target] of [
      ['auto_priority', 'b', 'r'],
      ['rh_priority', 'r', 'b'],
      ['reserved_host', 'r', 's'],
    ] as const) {
      await begin('a', 'b', 'r', 's');
      await segment(method, 'r', 's');
      fleet.refuse = (_id, host) => (host === refusing ? 'it has no room' : undefined);
      addServer(fleet, 'vm1', 'a');
      fleet.die('a');
      await fleet.reaches(engine, 'a', 'Recovered', 120);
      assert.equal(placeOf('vm1'), target, method);
      if (method !== 'reserved_host') await fleet.close();
    }
  });

  it('waits for a reserved host where there is none, and takes one that comes', async () => {
    await begin('a', 'b', 'r');
    await segment('reserved_host');
    addServer(fleet, 'vm1', 'a');
    fleet.die('a');
    await fleet.reaches(engine, 'a', 'Evacuating', 60);
    await fleet.run(engine, 30);
    assert.equal(placeOf('vm1'), 'a');
    await changeSegmentHost(fleet.database.db, 'uuid-r', { reserved: 1 });
    await fleet.reaches(engine, 'a', 'Recovered', 60);
    assert.equal(placeOf('vm1'), 'r');
    assert.ok((await fleet.timeline('a')).includes('a reserved host takes its place'));
  });

  it('leaves a host on maintenance alone, and all of them while it is disabled', async () => {
    await begin('a', 'b', 'c');
    await segment('auto');
    const { db } = fleet.database;
    await changeSegmentHost(db, 'uuid-a', { on_maintenance: 1 });
    fleet.die('a');
    await fleet.run(engine, 30);
    assert.equal(await fleet.state('a'), 'Healthy');
    assert.match((await findHost(db, 'a'))?.reason ?? '', /maintenance in segment all/);
    await changeSegmentHost(db, 'uuid-a', { on_maintenance: 0 });
    await changeSegment(db, 'segment', { enabled: 0 });
    await fleet.run(engine, 30);
    assert.equal(await fleet.state('a'), 'Healthy');
    await changeSegment(db, 'segment', { enabled: 1 });
    await fleet.reaches(engine, 'a', 'Recovered', 60);
  });
});

describe('a notification', () => {
  const dead = { cluster_status: 'OFFLINE', event: 'STOPPED', host_status: 'NORMAL' };
  let notificationCount = 0;
  async function notify(type: NotificationType, host: string, payload: object): Promise<string> {
    const now = fleet.clock.now();
    const row = await createNotification(
      fleet.database.db,
      {
        uuid: `notification-${(notificationCount += 1)}`,
        host_uuid: `uuid-${host}`,
        host,
        type,
        generated_at_ms: now,
        payload: JSON.stringify(payload),
        created_at_ms: now,
      },
      now - 180_000,
    );
    return row?.uuid ?? assert.fail('it was told before');
  }
  const statusOf = async (uuid: string): Promise<string | undefined> =>
    (await findNotification(fleet.database.db, uuid))?.status;
  const saidOf = async (uuid: string): Promise<string> =>
    (await findNotification(fleet.database.db, uuid))?.details ?? '';
  const runs = async (seconds: number): Promise<void> => {
    for (let second = 0; second < seconds; second += 1) {
      await fleet.run(engine, 1);
      await answerOnce(engine.deps);
    }
  };

  it('of a host is the second source where no other one says anything', async () => {
    await begin('a', 'b', 'c');
    await segment('auto');
    addServer(fleet, 'vm1', 'a');
    // The agent sends no heartbeats, no neighbour probes the host, and nobody sees its storage
    // mark.
    for (const host of fleet.hosts.values()) host.hasStorage = false;
    const a = fleet.hosts.get('a');
    Object.assign(a ?? {}, { isHeard: false });
    fleet.hosts.delete('a');
    await runs(30);
    assert.notEqual(await fleet.state('a'), 'Evacuating', 'its silence alone says nothing');
    fleet.hosts.set('a', a ?? assert.fail());
    fleet.die('a');
    const id = await notify('COMPUTE_HOST', 'a', dead);
    await runs(2);
    assert.equal(await statusOf(id), 'running');
    await runs(40);
    assert.equal(await fleet.state('a'), 'Recovered');
    assert.equal(await statusOf(id), 'finished');
    assert.match(await saidOf(id), /1 servers were recovered/);
  });

  it('of a host that is well is ignored: nothing is fenced by one word', async () => {
    await begin('a', 'b', 'c');
    await segment('auto');
    addServer(fleet, 'vm1', 'a');
    const id = await notify('COMPUTE_HOST', 'a', dead);
    await runs(70);
    assert.equal(await statusOf(id), 'ignored');
    assert.equal(await fleet.state('a'), 'Healthy');
    assert.equal(await fleet.bmcs.get('a')?.powerState(), 'On');
    assert.equal(placeOf('vm1'), 'a');
  });

  it('of nova-compute disables its service', async () => {
    await begin('a', 'b', 'c');
    await segment('auto');
    const id = await notify('PROCESS', 'a', { event: 'STOPPED', process_name: 'nova-compute' });
    const other = await notify('PROCESS', 'b', { event: 'STOPPED', process_name: 'libvirtd' });
    await runs(1);
    assert.deepEqual([await statusOf(id), await statusOf(other)], ['finished', 'ignored']);
    const { status, disabled_reason: why } = fleet.services.get('a') ?? assert.fail();
    assert.equal(status, 'disabled');
    assert.match(why ?? '', /nova-compute failed/);
    assert.equal(fleet.services.get('b')?.status, 'enabled');
  });

  it('of a server has it stopped and started, unless HA is off for it or it is paused', async () => {
    await begin('a', 'b', 'c');
    await segment('auto');
    const failed = (id: string) => ({
      event: 'LIFECYCLE',
      instance_uuid: id,
      vir_domain_event: 'STOPPED_FAILED',
    });
    addServer(fleet, 'vm1', 'a');
    addServer(fleet, 'off', 'a', { metadata: { HA_Enabled: 'False' } });
    addServer(fleet, 'paused', 'a', { status: 'PAUSED' });
    addServer(fleet, 'elsewhere', 'b');
    const ids: Record<string, string> = {};
    for (const server of ['vm1', 'off', 'paused', 'elsewhere', 'nothing'])
      ids[server] = await notify('VM', 'a', failed(server));
    await runs(1);
    assert.equal(fleet.servers.get('vm1')?.status, 'SHUTOFF');
    await runs(3);
    assert.equal(fleet.servers.get('vm1')?.status, 'ACTIVE');
    assert.equal(await statusOf(ids['vm1'] ?? ''), 'finished');
    for (const server of ['off', 'paused', 'elsewhere', 'nothing'])
      assert.equal(await statusOf(ids[server] ?? ''), 'ignored', server);
    assert.match(await saidOf(ids['vm1'] ?? ''), /stopping it.*it is stopped.*it runs again/);
  });
});
