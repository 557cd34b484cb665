// The engine on a simulated fleet: hosts that die are fenced and their servers run elsewhere,
// exactly once; hosts that only seem dead are left alone; an engine that crashes at any step is
// continued by the next.
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { fault } from '#contracts/common/fault.ts';
import type { HaConfig } from '../deps.ts';
import { changeState, findHost, setEnabled } from '../store/hosts.ts';
import { noteIncident } from '../store/incidents.ts';
import type { Engine, TestFleet } from './engine.testing.ts';
import { addServer, Died, startTestFleet } from './engine.testing.ts';

let fleet: TestFleet;
let engine: Engine;
const begin = async (names: readonly string[], config: Partial<HaConfig> = {}): Promise<void> => {
  fleet = await startTestFleet(names, config);
  engine = fleet.startEngine();
  await fleet.run(engine, 3);
};
const placeOf = (id: string) => fleet.servers.get(id)?.['OS-EXT-SRV-ATTR:host'];
const reasonOf = async (host: string) => (await findHost(fleet.database.db, host))?.reason;
afterEach(async () => await fleet.close());

const three = ['a', 'b', 'c'];

describe('a host that dies', () => {
  it('is fenced, and its servers run elsewhere, within 15 s', async () => {
    await begin(three);
    addServer(fleet, 'vm1', 'a');
    addServer(fleet, 'vm2', 'a', { status: 'SHUTOFF' });
    addServer(fleet, 'other', 'b');
    const diedAtMs = fleet.clock.now();
    fleet.die('a');
    await fleet.reaches(engine, 'a', 'Recovered', 30);
    assert.ok(fleet.clock.now() - diedAtMs <= 15_000, `${fleet.clock.now() - diedAtMs} ms`);
    assert.equal(await fleet.bmcs.get('a')?.powerState(), 'Off');
    assert.deepEqual([...fleet.evacuations.keys()].sort(), ['vm1', 'vm2']);
    assert.notEqual(placeOf('vm1'), 'a');
    assert.deepEqual(
      ['vm1', 'vm2'].map((id) => fleet.servers.get(id)?.status),
      ['ACTIVE', 'SHUTOFF'],
    );
    assert.deepEqual(await fleet.timeline('a'), [
      'Healthy → Suspect',
      'Suspect → Confirming',
      'Confirming → Fencing',
      'power off ordered',
      'power off answered',
      'power read',
      'power read',
      'power read',
      'Fencing → Fenced',
      'Fenced → Evacuating',
      'Evacuating → Recovered',
    ]);
  });

  it('stays off until a person lets it back, and serves without its old guests', async () => {
    await begin(three);
    addServer(fleet, 'vm1', 'a');
    fleet.die('a');
    await fleet.reaches(engine, 'a', 'Recovered');
    fleet.bmcs.get('a')?.hostReturns(); // mains power is back; the ordered power-off holds
    await fleet.run(engine, 30);
    assert.equal(await fleet.state('a'), 'Recovered');
    assert.equal(fleet.services.get('a')?.forced_down, true);
    const id = (await findHost(fleet.database.db, 'a'))?.incident_id ?? '';
    await noteIncident(fleet.database.db, id, { released: 1 });
    await fleet.run(engine, 1);
    fleet.hosts.get('a')?.guests.add('vm1'); // the agent has not removed the old copy
    await fleet.run(engine, 10);
    assert.equal(await fleet.state('a'), 'Recovered');
    fleet.hosts.get('a')?.guests.delete('vm1');
    await fleet.reaches(engine, 'a', 'Healthy', 5);
    const { forced_down: isForcedDown, status } = fleet.services.get('a') ?? {};
    assert.deepEqual([isForcedDown, status], [false, 'enabled']);
  });

  it('leaves a service disabled that somebody else had disabled', async () => {
    await begin(three);
    Object.assign(fleet.services.get('a') ?? {}, { status: 'disabled', disabled_reason: 'a disk' });
    fleet.die('a');
    await fleet.reaches(engine, 'a', 'Recovered');
    const id = (await findHost(fleet.database.db, 'a'))?.incident_id ?? '';
    await noteIncident(fleet.database.db, id, { released: 1 });
    await fleet.reaches(engine, 'a', 'Healthy');
    assert.equal(fleet.services.get('a')?.disabled_reason, 'a disk');
  });

  it('has its servers back in the order of their priority, those without HA never', async () => {
    await begin(three, { evacuationsAtOnce: 1 });
    addServer(fleet, 'late', 'a', { metadata: { 'ha:priority': '-1' } });
    addServer(fleet, 'first', 'a', { metadata: { 'ha:priority': '9' } });
    addServer(fleet, 'plain', 'a', { flavor: { ram: 1, vcpus: 1, extra_specs: {} } });
    addServer(fleet, 'never', 'a', { metadata: { HA_Enabled: 'False' } });
    fleet.die('a');
    await fleet.reaches(engine, 'a', 'Recovered');
    assert.deepEqual([...fleet.evacuations.keys()], ['first', 'plain', 'late']);
    assert.equal(placeOf('never'), 'a');
    const moves = await fleet.moves('a');
    assert.equal(moves.find(({ server_id: id }) => id === 'never')?.status, 'ignored');
  });

  it('a target that fails is not tried again while there is another, and not for ever', async () => {
    await begin(three);
    addServer(fleet, 'vm1', 'a');
    addServer(fleet, 'hopeless', 'a');
    const tried: string[] = [];
    fleet.refuse = (id, target) => {
      tried.push(`${id} ${target}`);
      return id === 'hopeless' || target === 'b' ? `it does not start on ${target}` : undefined;
    };
    fleet.die('a');
    await fleet.reaches(engine, 'a', 'Recovered', 90);
    assert.equal(placeOf('vm1'), 'c');
    const [hopeless, vm1] = await fleet.moves('a');
    assert.deepEqual([hopeless?.status, hopeless?.attempts], ['failed', 3]);
    assert.match(hopeless?.message ?? '', /it does not start/);
    assert.deepEqual([vm1?.status, vm1?.dest_host], ['succeeded', 'c']);
    assert.equal(tried.filter((each) => each.startsWith('hopeless')).length, 3);
  });
});

describe('fencing', () => {
  it('a chassis that is off is fenced, whatever its BMC answers to the order', async () => {
    await begin(three);
    fleet.die('a');
    fleet.bmcs.get('a')?.trouble('power', { kind: 'fault', fault: fault('conflict', 'is off') });
    await fleet.reaches(engine, 'a', 'Recovered');
  });

  it('a frozen host whose guests may wake up is powered off before anything is moved', async () => {
    await begin(three);
    addServer(fleet, 'vm1', 'a');
    Object.assign(fleet.hosts.get('a') ?? {}, {
      isHeard: false,
      isReached: false,
      hasStorage: false,
    });
    await fleet.reaches(engine, 'a', 'Recovered');
    assert.equal(await fleet.bmcs.get('a')?.powerState(), 'Off');
    assert.equal(fleet.hosts.get('a')?.guests.size, 0);
  });

  it('without a BMC nothing is moved until a person says that the host is off', async () => {
    await begin(three);
    fleet.bmcs.delete('a');
    addServer(fleet, 'vm1', 'a');
    fleet.die('a');
    await fleet.reaches(engine, 'a', 'FailedToFence');
    await fleet.run(engine, 20);
    assert.equal(fleet.evacuations.size, 0);
    assert.match((await reasonOf('a')) ?? '', /no BMC is known of it, and it has no watchdog/);
    const row = await findHost(fleet.database.db, 'a');
    assert.ok(row?.state === 'FailedToFence');
    const entry = { what: 'acknowledged', detail: {} };
    await changeState(fleet.database.db, row, { state: 'Fenced', reason: '', entry }, 0);
    await fleet.reaches(engine, 'a', 'Recovered');
    assert.equal(placeOf('vm1'), 'b');
  });

  it('a BMC that died with its host: fenced when its watchdog must have ended the guests', async () => {
    await begin(three);
    addServer(fleet, 'vm1', 'a');
    Object.assign(fleet.hosts.get('a') ?? {}, { selfFencingMs: 20_000 });
    await fleet.run(engine, 1);
    const diedAtMs = fleet.clock.now();
    fleet.die('a');
    fleet.bmcs.get('a')?.breakDown(fault('timeout', 'no route'));
    await fleet.reaches(engine, 'a', 'Recovered', 60);
    assert.ok(fleet.clock.now() - diedAtMs > 30_000);
    assert.equal(placeOf('vm1'), 'b');
  });

  it('a host that still writes to the storage does not count as fenced by its watchdog', async () => {
    await begin(three);
    addServer(fleet, 'vm1', 'a');
    Object.assign(fleet.hosts.get('a') ?? {}, {
      selfFencingMs: 20_000,
      isHeard: false,
      isReached: false,
    });
    fleet.bmcs.get('a')?.breakDown(fault('timeout', 'no route'));
    await fleet.reaches(engine, 'a', 'FailedToFence', 60);
    await fleet.run(engine, 120);
    assert.equal(fleet.evacuations.size, 0);
    // When the BMC answers again, the host is fenced by it.
    fleet.bmcs.get('a')?.breakDown(undefined);
    await fleet.reaches(engine, 'a', 'Recovered');
    assert.equal(placeOf('vm1'), 'b');
  });

  it('a host that could not be fenced becomes Healthy again when its heartbeats return', async () => {
    await begin(three);
    fleet.bmcs.get('a')?.breakDown(fault('timeout', 'no route'));
    Object.assign(fleet.hosts.get('a') ?? {}, { isHeard: false, isReached: false });
    await fleet.reaches(engine, 'a', 'FailedToFence');
    Object.assign(fleet.hosts.get('a') ?? {}, { isHeard: true, isReached: true });
    await fleet.reaches(engine, 'a', 'Healthy', 3);
    assert.equal(fleet.services.get('a')?.forced_down, false);
  });
});

describe('nothing is done', () => {
  const untouched = async (): Promise<void> => {
    assert.equal(fleet.evacuations.size, 0);
    for (const [host, bmc] of fleet.bmcs) {
      assert.equal(await bmc.powerState(), 'On', `${host} was switched off`);
      assert.deepEqual(await bmc.events(), [], `${host} was ordered`);
    }
  };

  it('to a host whose agent is silent and whose neighbours reach it', async () => {
    await begin(three);
    addServer(fleet, 'vm1', 'a');
    Object.assign(fleet.hosts.get('a') ?? {}, { isHeard: false, hasStorage: false });
    await fleet.run(engine, 120);
    assert.equal(await fleet.state('a'), 'Suspect');
    assert.match((await reasonOf('a')) ?? '', /2 of its neighbours reach it/);
    await untouched();
    Object.assign(fleet.hosts.get('a') ?? {}, { isHeard: true });
    await fleet.reaches(engine, 'a', 'Healthy', 3);
  });

  it('when all are silent at once: this service is cut off', async () => {
    await begin(three);
    addServer(fleet, 'vm1', 'a');
    for (const host of fleet.hosts.values()) host.isHeard = false;
    await fleet.run(engine, 120);
    await untouched();
  });

  it('when half of a zone fails at once', async () => {
    await begin(['a', 'b', 'c', 'd']);
    addServer(fleet, 'vm1', 'a');
    for (const name of ['a', 'b'])
      Object.assign(fleet.hosts.get(name) ?? {}, {
        isHeard: false,
        isReached: false,
        hasStorage: false,
      });
    await fleet.run(engine, 120);
    await untouched();
    assert.match((await reasonOf('a')) ?? '', /2 of 4 hosts of the zone fail together/);
  });

  it('to a host for which an operator has switched HA off', async () => {
    await begin(three);
    addServer(fleet, 'vm1', 'a');
    await setEnabled(fleet.database.db, 'a', false);
    Object.assign(fleet.hosts.get('a') ?? {}, { isHeard: false, isReached: false });
    await fleet.run(engine, 60);
    await untouched();
    assert.equal(await fleet.state('a'), 'Healthy');
  });

  it('by a process that was stopped for a while, to hosts that it could not hear', async () => {
    await begin(three);
    addServer(fleet, 'vm1', 'a');
    await fleet.clock.sleep(90_000);
    await fleet.run(engine, 20);
    assert.deepEqual([...(await fleet.states())], ['Healthy']);
    await untouched();
  });
});

describe('a service that dies at any effect of a recovery', () => {
  it('is followed by one that ends it right, and nothing is evacuated twice', async () => {
    let deaths = 0;
    for (let at = 1; ; at += 1) {
      fleet = await startTestFleet(three);
      await fleet.run(fleet.startEngine(), 3);
      addServer(fleet, 'vm1', 'a');
      addServer(fleet, 'vm2', 'a', { status: 'SHUTOFF' });
      fleet.die('a');
      const dying = fleet.startEngine(at);
      let isDead = false;
      for (let second = 0; second < 60 && !isDead; second += 1) {
        await fleet.run(dying, 1).catch((error: unknown) => {
          if (!(error instanceof Died)) throw error;
        });
        isDead = dying.effects() >= at;
      }
      if (!isDead) break; // no effect with this number: all crash points were tried
      deaths += 1;
      const next = fleet.startEngine();
      await fleet.reaches(next, 'a', 'Recovered', 90);
      assert.deepEqual(
        [...fleet.evacuations].map(([id, targets]) => `${id} ${targets.length}`).sort(),
        ['vm1 1', 'vm2 1'],
        `died at effect ${at}`,
      );
      assert.equal(await fleet.bmcs.get('a')?.powerState(), 'Off');
      await fleet.close();
    }
    assert.ok(deaths > 25, `only ${deaths} effects were seen`);
  });
});
