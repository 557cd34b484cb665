// What HA does about guests that die, and about a libvirtd that fails, on hosts that are alive.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { fault } from '#contracts/common/fault.ts';
import { forgetGuest, listGuests } from '../store/guests.ts';
import type { Engine, TestFleet } from './engine.testing.ts';
import { addServer, Died, startTestFleet } from './engine.testing.ts';

let fleet: TestFleet;
let engine: Engine;

beforeEach(async () => {
  fleet = await startTestFleet(['h1', 'h2', 'h3']);
  engine = fleet.startEngine();
  addServer(fleet, 'vm', 'h1');
  await fleet.run(engine, 3);
});
afterEach(async () => await fleet.close());

/** The guest's process ends, and Nova shows the server as SHUTOFF. */
function dies(id: string): void {
  const host = fleet.hosts.get('h1');
  const server = fleet.servers.get(id);
  assert.ok(host && server && host.guests.delete(id), `${id} does not run`);
  host.died.add(id);
  server.status = 'SHUTOFF';
}

describe('a guest that dies on a host that lives', () => {
  it('is started again there, by a service that was started anew as well', async () => {
    dies('vm');
    await fleet.run(engine, 2);
    assert.deepEqual(fleet.starts, ['vm']);
    await fleet.run(fleet.startEngine(), 20);
    assert.deepEqual(fleet.starts, ['vm']);
  });

  it('is started by the next service, where one dies at any effect', async () => {
    for (let diesAt = 1; diesAt < 8; diesAt += 1) {
      fleet.starts.length = 0;
      dies('vm');
      const dying = fleet.startEngine(diesAt);
      await fleet.run(dying, 3).catch((error: unknown) => assert.ok(error instanceof Died));
      await fleet.run(fleet.startEngine(), 8);
      assert.ok(fleet.hosts.get('h1')?.guests.has('vm'), `dies at effect ${diesAt}`);
      assert.deepEqual(fleet.starts, ['vm']);
      await forgetGuest(fleet.database.db, 'vm');
    }
  });

  it('stays off where it was stopped, or HA is off for it or its host', async () => {
    fleet.lastActions.set('vm', 'stop');
    dies('vm');
    await fleet.run(engine, 10);
    fleet.lastActions.clear();
    Object.assign(fleet.servers.get('vm') ?? {}, { metadata: { HA_Enabled: 'False' } });
    await fleet.run(engine, 10);
    assert.deepEqual(fleet.starts, []);
  });

  it('is started three times, then left off with a message, until it has run for long', async () => {
    for (let second = 0; second < 60; second += 1) {
      if (fleet.hosts.get('h1')?.guests.has('vm')) dies('vm');
      await fleet.run(engine, 1);
    }
    assert.deepEqual(fleet.starts, ['vm', 'vm', 'vm']);
    const [row] = await listGuests(fleet.database.db);
    assert.match(row?.message ?? '', /died again after 3 starts/);
    assert.equal(fleet.servers.get('vm')?.status, 'SHUTOFF');
    await engine.deps.nova.start('vm'); // the owner starts it
    await fleet.run(engine, 601);
    assert.deepEqual(await listGuests(fleet.database.db), []);
    dies('vm');
    await fleet.run(engine, 2);
    assert.equal(fleet.starts.length, 5);
  });
});

describe('a guest that dies before anybody has seen it run', () => {
  const firstRecord = async () => (await listGuests(fleet.database.db))[0];

  it('is given up after three starts, of which none is seen to run', async () => {
    dies('vm');
    fleet.startsEnd = 'dies';
    await fleet.run(engine, 30);
    assert.deepEqual(fleet.starts, ['vm', 'vm', 'vm']);
    assert.equal((await firstRecord())?.given_up, 1);
  });

  it('counts both starts of a guest that libvirt listed as off while it was starting', async () => {
    dies('vm');
    await fleet.run(engine, 2);
    const host = fleet.hosts.get('h1') ?? assert.fail();
    host.off.add('vm'); // libvirt lists a guest that is being started as off
    host.guests.delete('vm');
    await fleet.run(engine, 1);
    host.off.delete('vm');
    host.guests.add('vm');
    dies('vm');
    await fleet.run(engine, 10);
    assert.deepEqual(fleet.starts, ['vm', 'vm']);
  });

  it('is left off with what Nova says, where Nova refuses to start it', async () => {
    dies('vm');
    fleet.startsEnd = fault('conflict', 'the server is locked');
    await fleet.run(engine, 30);
    assert.equal(fleet.starts.length, 3);
    assert.match(
      (await firstRecord())?.message ?? '',
      /did not start it: the server is locked; it is left/,
    );
  });

  it('is started once Nova is there again, however often it was not', async () => {
    dies('vm');
    fleet.startsEnd = fault('unavailable', 'away');
    await fleet.run(engine, 60);
    assert.ok(fleet.starts.length > 5);
    fleet.startsEnd = 'runs';
    await fleet.run(engine, 10);
    assert.ok(fleet.hosts.get('h1')?.guests.has('vm'));
    assert.equal((await firstRecord())?.given_up, 0);
  });

  it('is not started where it switched itself off after a start', async () => {
    dies('vm');
    await fleet.run(engine, 2);
    const host = fleet.hosts.get('h1') ?? assert.fail();
    host.guests.delete('vm');
    host.off.add('vm');
    Object.assign(fleet.servers.get('vm') ?? {}, { status: 'SHUTOFF' });
    await fleet.run(engine, 20);
    assert.deepEqual(fleet.starts, ['vm']);
  });
});

describe('a libvirtd that does not answer', () => {
  const service = () => fleet.services.get('h1') ?? assert.fail();

  it('has its host disabled with the reason in a minute, and enabled when it answers', async () => {
    const host = fleet.hosts.get('h1') ?? assert.fail();
    host.hasHypervisor = false;
    await fleet.run(engine, 20);
    assert.equal(service().status, 'enabled');
    await fleet.run(engine, 15);
    assert.equal(service().status, 'disabled');
    assert.match(service().disabled_reason ?? '', /libvirtd does not answer/);
    assert.equal(await fleet.state('h1'), 'Healthy');
    assert.ok(host.guests.has('vm'));
    host.hasHypervisor = true;
    await fleet.run(engine, 2);
    assert.equal(service().status, 'enabled');
  });

  it('changes nothing of a service that somebody else has disabled', async () => {
    Object.assign(service(), { status: 'disabled', disabled_reason: 'a person' });
    const host = fleet.hosts.get('h1') ?? assert.fail();
    host.hasHypervisor = false;
    await fleet.run(engine, 40);
    host.hasHypervisor = true;
    await fleet.run(engine, 5);
    assert.equal(service().disabled_reason, 'a person');
  });
});
