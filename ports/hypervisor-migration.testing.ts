// The part of the hypervisor contract suite that needs two hosts: live migration. Run by
// adapters/sim/sim.test.ts and test/migration/libvirt.test.ts.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { isFault } from '#contracts/common/fault.ts';
import type { GuestSpec } from '#contracts/nova/guest.ts';
import type { MigrationTerms } from '#contracts/nova/live-migration.ts';
import { eventually } from '#platform/testing/eventually.ts';
import { assertFault, ContractRun, ok, type GuestFixture } from './hypervisor-fixture.testing.ts';
import type { Hypervisor } from './hypervisor.ts';

export interface MigrationFixture extends GuestFixture {
  destination: Hypervisor;
  /**
   * Simulates the death of the source's agent: the driver's process gets no more results, and
   * another driver of the same host is returned.
   */
  abandon(): Promise<Hypervisor>;
  /**
   * Makes the guest so busy that its migration does not converge by itself. To be called before the
   * migration starts.
   */
  restless(spec: GuestSpec): Promise<void>;
  /** A bandwidth, MiB/s, at which a migration of this guest takes seconds. */
  slowMib: number;
}

export function migrationContract(name: string, setup: () => Promise<MigrationFixture>): void {
  describe(`live migration contract: ${name}`, { timeout: 600_000 }, () => {
    const run = new ContractRun<MigrationFixture>();
    let fixture: MigrationFixture;
    before(async () => {
      await run.open(async () => (fixture = await setup()));
    });
    after(() => run.fixture?.close());

    /** Asserts that both hosts report the guest at this place, and at this place only. */
    const expectAt = async (where: 'source' | 'destination', uuid: string, state = 'running') => {
      const here = await run.hypervisor.state(uuid);
      const there = await fixture.destination.state(uuid);
      assert.deepEqual([here, there], where === 'source' ? [state, 'absent'] : ['absent', state]);
    };
    const terms = async (
      spec: GuestSpec,
      overrides: Partial<MigrationTerms> = {},
    ): Promise<MigrationTerms> => {
      const departure = ok(await run.hypervisor.departure(spec.uuid));
      return {
        arrival: ok(await fixture.destination.prepareArrival(spec, departure)),
        autoConverge: false,
        permitPostCopy: false,
        bandwidthMib: 0,
        completionTimeoutMs: 0,
        timeoutAction: 'abort',
        ...overrides,
      };
    };
    const underWay = async (uuid: string) =>
      await eventually(
        async () => ok(await run.hypervisor.migrationProgress(uuid))?.memory ?? undefined,
        { withinMs: 20_000, what: 'the migration is under way' },
      );
    const destroyOnBoth = async (spec: GuestSpec) => {
      ok(await run.hypervisor.destroy(spec.uuid));
      ok(await fixture.destination.destroy(spec.uuid));
    };
    const slow = async (): Promise<GuestSpec> => {
      const spec = run.guest();
      await fixture.restless(spec);
      return spec;
    };

    it('moves a guest with its disks, interfaces and volumes, and it is there alone', async () => {
      const disks = { rootDisk: { image: null, sizeGib: 1, bus: 'virtio' as const }, swapMib: 16 };
      const spec = run.guest({ ...disks, nics: [run.nic()], volumes: [await run.volume('vdf')] });
      ok(await run.hypervisor.create(spec));
      await run.booted(spec);
      const moving = await terms(spec);
      ok(await run.hypervisor.migrate(spec.uuid, moving));
      await expectAt('destination', spec.uuid);
      assert.equal(ok(await fixture.destination.arrivalState(spec.uuid)), 'arrived');
      ok(await run.hypervisor.migrate(spec.uuid, moving)); // repeated: it has left already
      ok(await run.hypervisor.forgetDeparted(spec.uuid));
      ok(await fixture.destination.settleArrival(spec.uuid));
      ok(await fixture.destination.settleArrival(spec.uuid));
      const { kernel } = spec;
      const imageIds = [kernel?.kernel.id ?? '', kernel?.ramdisk?.id ?? ''];
      ok(await fixture.destination.collectGarbage(new Set(imageIds), 0));
      assert.deepEqual(
        ok(await fixture.destination.nics(spec.uuid)),
        spec.nics.map(({ portId }) => portId),
      );
      assert.deepEqual(
        ok(await fixture.destination.volumes(spec.uuid)),
        spec.volumes.map(({ volumeId }) => volumeId),
      );
      assert.ok(!ok(await run.hypervisor.inventory()).guestFolders.includes(spec.uuid));
      // The guest belongs to the destination from now on: it can be stopped and started there.
      ok(await fixture.destination.stop(spec.uuid, 0));
      ok(await fixture.destination.start(spec.uuid));
      await expectAt('destination', spec.uuid);
      await destroyOnBoth(spec);
    });

    it('moves a paused guest, which stays paused', async () => {
      const spec = run.guest();
      ok(await run.hypervisor.create(spec));
      ok(await run.hypervisor.pause(spec.uuid));
      ok(await run.hypervisor.migrate(spec.uuid, await terms(spec)));
      await expectAt('destination', spec.uuid, 'paused');
      ok(await fixture.destination.settleArrival(spec.uuid));
      ok(await fixture.destination.unpause(spec.uuid));
      await destroyOnBoth(spec);
    });

    it('tells how far it is, and an aborted guest stays where it is', async () => {
      const spec = await slow();
      const moving = await terms(spec, { bandwidthMib: fixture.slowMib });
      const moved = run.hypervisor.migrate(spec.uuid, moving);
      const memory = await underWay(spec.uuid);
      assert.ok(memory.total >= 128 * 1024 ** 2 && memory.remaining <= memory.total);
      assert.equal(ok(await fixture.destination.arrivalState(spec.uuid)), 'arriving');
      assertFault(await fixture.destination.abandonArrival(spec.uuid), 'conflict');
      assertFault(await run.hypervisor.forgetDeparted(spec.uuid), 'conflict');
      ok(await run.hypervisor.abortMigration(spec.uuid));
      const outcome = await moved;
      assertFault(outcome, 'conflict');
      assert.equal(isFault(outcome) && outcome.detail['aborted'], 'yes');
      await expectAt('source', spec.uuid);
      assert.equal(ok(await fixture.destination.arrivalState(spec.uuid)), 'absent');
      assertFault(await run.hypervisor.migrate(spec.uuid, moving), 'conflict'); // outdated
      assert.equal(ok(await run.hypervisor.migrationProgress(spec.uuid)), null);
      assertFault(await run.hypervisor.abortMigration(spec.uuid), 'conflict');
      ok(await fixture.destination.abandonArrival(spec.uuid));
      ok(await fixture.destination.abandonArrival(spec.uuid));
      assert.ok(!ok(await fixture.destination.inventory()).guestFolders.includes(spec.uuid));
      await destroyOnBoth(spec);
    });

    it('completes when told to, though the guest works', async () => {
      const spec = await slow();
      const moving = await terms(spec, { bandwidthMib: fixture.slowMib });
      const moved = run.hypervisor.migrate(spec.uuid, moving);
      await underWay(spec.uuid);
      ok(await run.hypervisor.completeMigration(spec.uuid, { postCopy: false }));
      ok(await moved);
      await expectAt('destination', spec.uuid);
      await destroyOnBoth(spec);
    });

    it('runs on at the destination before all of its memory is there, where that is permitted', async () => {
      const spec = await slow();
      const limits = { bandwidthMib: fixture.slowMib, permitPostCopy: true };
      const moved = run.hypervisor.migrate(spec.uuid, await terms(spec, limits));
      await underWay(spec.uuid);
      ok(await run.hypervisor.completeMigration(spec.uuid, { postCopy: true }));
      ok(await moved);
      await expectAt('destination', spec.uuid);
      ok(await fixture.destination.settleArrival(spec.uuid));
      await destroyOnBoth(spec);
    });

    it('a guest that cannot be caught up with ends as its terms say, in time', async () => {
      for (const timeoutAction of ['abort', 'force_complete'] as const) {
        const spec = await slow();
        const limits = { bandwidthMib: fixture.slowMib, completionTimeoutMs: 2_000, timeoutAction };
        const outcome = await run.hypervisor.migrate(spec.uuid, await terms(spec, limits));
        if (timeoutAction === 'abort') assertFault(outcome, 'conflict');
        else ok(outcome);
        await expectAt(timeoutAction === 'abort' ? 'source' : 'destination', spec.uuid);
        await destroyOnBoth(spec);
      }
    });

    it('goes on without the process that began it, and is joined by the next one', async () => {
      const spec = await slow();
      const moving = await terms(spec, { bandwidthMib: fixture.slowMib });
      run.hypervisor.migrate(spec.uuid, moving).catch(() => undefined);
      await underWay(spec.uuid);
      run.hypervisor = await fixture.abandon();
      await underWay(spec.uuid);
      const [one, two] = [
        run.hypervisor.migrate(spec.uuid, moving),
        run.hypervisor.migrate(spec.uuid, moving),
      ];
      ok(await run.hypervisor.completeMigration(spec.uuid, { postCopy: false }));
      ok(await one);
      ok(await two);
      await expectAt('destination', spec.uuid);
      await destroyOnBoth(spec);
    });

    it('refuses what cannot be, and leaves nothing', async () => {
      const uuid = randomUUID();
      assertFault(await run.hypervisor.departure(uuid), 'notFound');
      assertFault(await run.hypervisor.abortMigration(uuid), 'notFound');
      assertFault(await run.hypervisor.completeMigration(uuid, { postCopy: false }), 'notFound');
      assertFault(await fixture.destination.settleArrival(uuid), 'notFound');
      ok(await run.hypervisor.forgetDeparted(uuid));
      const spec = run.guest();
      ok(await run.hypervisor.create(spec));
      const departure = ok(await run.hypervisor.departure(spec.uuid));
      assertFault(await run.hypervisor.prepareArrival(spec, departure), 'conflict');
      assertFault(await run.hypervisor.abandonArrival(spec.uuid), 'conflict');
      const moving = await terms(spec);
      ok(await fixture.destination.abandonArrival(spec.uuid));
      assert.ok(isFault(await run.hypervisor.migrate(spec.uuid, moving)), 'nobody awaits it');
      await expectAt('source', spec.uuid);
      ok(await run.hypervisor.stop(spec.uuid, 0));
      assertFault(await run.hypervisor.departure(spec.uuid), 'conflict');
      await destroyOnBoth(spec);
    });
  });
}
