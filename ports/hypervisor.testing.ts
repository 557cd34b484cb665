// The contract of ports/hypervisor.ts as a test suite. Run by adapters/sim/sim.test.ts and
// adapters/libvirt/libvirt.test.ts.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import type { Outcome } from '#contracts/common/fault.ts';
import type { GuestEvent } from '#contracts/nova/guest.ts';
import { eventually } from '#platform/testing/eventually.ts';
import { deviceContract } from './hypervisor-devices.testing.ts';
import {
  assertFault,
  ContractRun,
  ok,
  type HypervisorFixture,
} from './hypervisor-fixture.testing.ts';
import { imageCacheContract } from './hypervisor-images.testing.ts';
import { moveContract } from './hypervisor-moves.testing.ts';
import { powerContract } from './hypervisor-power.testing.ts';

export function hypervisorContract(name: string, setup: () => Promise<HypervisorFixture>): void {
  describe(`hypervisor contract: ${name}`, () => {
    const run = new ContractRun();
    const { guest, nic, volume, expectState } = run;
    before(async () => await run.open(setup));
    after(() => run.fixture?.close());

    it('tells measured facts of the host', async () => {
      const facts = ok(await run.hypervisor.facts());
      assert.ok(
        facts.vcpus > 0 &&
          facts.memoryMib > 0 &&
          facts.diskGib >= facts.freeDiskGib &&
          facts.hypervisorVersion > 0,
      );
      assert.ok(facts.hostname !== '' && facts.traits.includes('COMPUTE_NODE'));
    });

    it('answers notFound for a guest that is not there, and destroys it all the same', async () => {
      const uuid = randomUUID();
      await expectState(uuid, 'absent');
      const answers = [
        run.hypervisor.start(uuid),
        run.hypervisor.stop(uuid, 1_000),
        run.hypervisor.reboot(uuid, 'hard', 0),
        run.hypervisor.pause(uuid),
        run.hypervisor.unpause(uuid),
        run.hypervisor.suspend(uuid),
        run.hypervisor.resume(uuid),
        run.hypervisor.unrescue(uuid),
        run.hypervisor.rescue(uuid, guest()),
        run.hypervisor.consoleLog(uuid, 10),
        run.hypervisor.vncSocket(uuid),
        run.hypervisor.agentCommand(uuid, 'guest-ping', null, 100),
        run.hypervisor.diagnostics(uuid),
        run.hypervisor.attachNic(uuid, nic()),
        run.hypervisor.detachNic(uuid, nic().portId),
        run.hypervisor.nics(uuid),
        run.hypervisor.attachVolume(uuid, await volume('vdb')),
        run.hypervisor.detachVolume(uuid, randomUUID()),
        run.hypervisor.volumes(uuid),
        run.hypervisor.resizeVolume(uuid, randomUUID(), 2),
        run.hypervisor.snapshotVolume(uuid, randomUUID(), await run.fixture.volume()),
        run.hypervisor.snapshotRoot(uuid),
        run.hypervisor.offerDisks(uuid, { flat: false, forMs: 1_000 }),
        run.hypervisor.pciAddresses(uuid),
      ] satisfies Promise<Outcome<unknown>>[];
      for (const answer of await Promise.all(answers)) assertFault(answer, 'notFound');
      ok(await run.hypervisor.destroy(uuid));
    });

    imageCacheContract(run);
    powerContract(run);
    deviceContract(run);
    moveContract(run);

    it('tells events until asked to stop, and survives a listener that throws', async () => {
      const spec = guest();
      const events: GuestEvent[] = [];
      const silence = run.hypervisor.onEvent(() => {
        throw new Error('a listener of bad manners');
      });
      const stop = run.hypervisor.onEvent((event) => events.push(event));
      ok(await run.hypervisor.create(spec));
      await eventually(
        () => events.some((event) => event.uuid === spec.uuid && event.state === 'running'),
        { withinMs: 5_000, what: 'running is told' },
      );
      ok(await run.hypervisor.stop(spec.uuid, 0));
      await eventually(
        () => events.some((event) => event.uuid === spec.uuid && event.state === 'shutoff'),
        { withinMs: 5_000, what: 'shutoff is told' },
      );
      stop();
      silence();
      const before = events.length;
      ok(await run.hypervisor.start(spec.uuid));
      ok(await run.hypervisor.destroy(spec.uuid));
      await expectState(spec.uuid, 'absent');
      assert.equal(events.length, before);
    });

    it('makes, and removes, several guests at the same time', async () => {
      const specs = [guest(), guest(), guest()];
      for (const createResult of await Promise.all(
        specs.map((spec) => run.hypervisor.create(spec)),
      ))
        ok(createResult);
      assert.equal(
        ok(await run.hypervisor.list()).filter((each) =>
          specs.some((spec) => spec.uuid === each.uuid && each.state === 'running'),
        ).length,
        3,
      );
      for (const destroyResult of await Promise.all(
        specs.flatMap((spec) => [
          run.hypervisor.destroy(spec.uuid),
          run.hypervisor.destroy(spec.uuid),
        ]),
      ))
        ok(destroyResult);
      for (const spec of specs) await expectState(spec.uuid, 'absent');
    });

    it('finds its guests again after a restart of the driver', async () => {
      const spec = guest();
      ok(await run.hypervisor.create(spec));
      run.hypervisor = await run.fixture.reopen();
      await expectState(spec.uuid, 'running');
      ok(await run.hypervisor.create(spec));
      ok(await run.hypervisor.stop(spec.uuid, 0));
      ok(await run.hypervisor.collectGarbage(new Set(), 0)); // a guest that is off must stay
      ok(await run.hypervisor.start(spec.uuid));
      await expectState(spec.uuid, 'running');
      ok(await run.hypervisor.destroy(spec.uuid));
    });
  });
}
