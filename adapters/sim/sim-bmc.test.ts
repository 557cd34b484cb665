// Runs the port's contract suite on the simulated BMC, and tests its effect on the simulated host
// and its guests.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fault, isFault } from '#contracts/common/fault.ts';
import { disklessGuest } from '#contracts/nova/diskless-guest.testing.ts';
import { systemClock } from '#platform/clock.ts';
import { createFakeClock } from '#platform/testing/fake-clock.ts';
import { bmcContract } from '#ports/bmc.testing.ts';
import type { BmcFixture } from '#ports/bmc.testing.ts';
import { createSimBmc } from './sim-bmc.ts';
import { isOff } from './sim-chassis.ts';
import { createSimHypervisor } from './sim-hypervisor.ts';
import { fileStore, inMemoryStore } from './sim-world.ts';
import type { SimStore } from './sim-world.ts';

const hostname = 'sim-1';
const unavailable = fault('unavailable', 'the BMC does not answer');

function start(store: SimStore, orderMs: number, close: () => Promise<void>): BmcFixture {
  const messages = new Map<string, string[]>();
  const bmc = createSimBmc(hostname, {
    store,
    clock: systemClock,
    orderMs,
    deliver: ({ url }, { message }) => messages.get(url)?.push(message),
  });
  return {
    bmc,
    stranger() {
      const other = createSimBmc(hostname, { store, clock: systemClock });
      other.breakDown(fault('forbidden', 'wrong user or password'));
      return { bmc: other, password: 'not it' };
    },
    hostRuns: async () => !isOff(store.load(hostname)),
    boots: async () => store.load(hostname).chassis?.boots ?? 0,
    hostDies: async () => bmc.hostDies(),
    hostMayReturn: async () => bmc.hostReturns(),
    breakBmc: async () => bmc.breakDown(unavailable),
    heal: async () => bmc.breakDown(undefined),
    async receiver() {
      const url = `http://receiver-${messages.size}.test/`;
      messages.set(url, []);
      return {
        receiver: { url, context: 'test' },
        received: () => messages.get(url) ?? [],
      };
    },
    close,
  };
}

bmcContract('sim, at once', async () => start(inMemoryStore(), 0, async () => undefined));
bmcContract('sim on files, in its own time', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sim-bmc-'));
  return start(fileStore(folder), 30, async () => await rm(folder, { recursive: true }));
});

describe('a simulated host', () => {
  it('ends with its guests when its BMC cuts the power, and keeps its disks', async () => {
    const store = inMemoryStore();
    const clock = createFakeClock();
    const powered: boolean[] = [];
    const bmc = createSimBmc(hostname, { store, clock, onPower: (isOn) => powered.push(isOn) });
    const hypervisor = createSimHypervisor({ hostname }, { store, clock });
    const guest = disklessGuest({ uuid: randomUUID() });
    assert.equal(isFault(await hypervisor.create(guest)), false);
    assert.equal(await hypervisor.state(guest.uuid), 'running');

    assert.equal(await bmc.power('ForceOff'), undefined);
    const refusal = await hypervisor.state(guest.uuid);
    assert.ok(isFault(refusal) && refusal.kind === 'unavailable');
    assert.equal(store.load(hostname).guests.get(guest.uuid)?.state, 'crashed');

    assert.equal(await bmc.power('On'), undefined);
    assert.equal(await hypervisor.state(guest.uuid), 'crashed');
    assert.deepEqual(powered, [false, true]);
  });

  it('is off after a power cut whatever was under way before', async () => {
    const store = inMemoryStore();
    const clock = createFakeClock({ movedBy: 'advance' });
    const bmc = createSimBmc(hostname, { store, clock, orderMs: 100 });
    await bmc.power('ForceOff');
    await clock.advance(100);
    await bmc.power('On');
    assert.equal(await bmc.powerState(), 'PoweringOn');
    const refusal = await bmc.power('GracefulShutdown');
    assert.ok(isFault(refusal) && refusal.kind === 'conflict');
    assert.equal(await bmc.power('ForceOff'), undefined);
    await clock.advance(1_000);
    assert.equal(await bmc.powerState(), 'Off');
  });

  it('has faults on order: one call, an answer that is lost, or all', async () => {
    const store = inMemoryStore();
    const bmc = createSimBmc(hostname, { store, clock: systemClock });
    bmc.trouble('power', { kind: 'lostAnswer', fault: unavailable });
    assert.equal(await bmc.power('ForceOff'), unavailable);
    assert.equal(await bmc.powerState(), 'Off', 'the order was taken');
    bmc.trouble('powerState', { kind: 'fault', fault: unavailable });
    assert.equal(await bmc.powerState(), unavailable);
    bmc.breakDown(unavailable);
    for (const _ of [1, 2]) assert.equal(await bmc.inventory(), unavailable);
  });
});
