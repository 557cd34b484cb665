// Rescue: the guest's own definition is saved to a file, and the guest is in rescue while that file
// exists. The rescue system has files of its own.
import { readFile, rm, writeFile } from 'node:fs/promises';
import { fault, isFault, type Outcome } from '#contracts/common/fault.ts';
import type { GuestSpec } from '#contracts/nova/guest.ts';
import { planFor, realise } from './build-guest.ts';
import type { Driver } from './driver.ts';
import { imagesOf } from './guest-plan.ts';
import { asOutcome, unlessMissing } from './outcome.ts';
import { lockVolumes, releaseUnused, startLocked } from './volume-locks.ts';
import { exists, writeWholeOnce } from './write-whole.ts';

/**
 * See `rescue` in ports/hypervisor.ts. A second call boots a fresh rescue system and keeps the
 * saved definition.
 */
export function rescueGuest(
  driver: Driver,
  uuid: string,
  rescue: GuestSpec,
): Promise<Outcome<void>> {
  const own = driver.folder.guest(uuid);
  const aside = driver.folder.guest(uuid, 'rescue');
  return driver.locks.run(uuid, () =>
    driver.images.pinned(imagesOf(rescue), () =>
      asOutcome(async () => {
        const domain = await driver.domains.find(uuid);
        if (!domain) return fault('notFound', `no guest ${uuid} on this host`);
        const spec = { ...rescue, uuid, name: domain.name };
        const plan = await planFor(driver, spec, aside, (await exists(own.disk)) ? [own.disk] : []);
        if (isFault(plan)) return plan;
        const locked = await lockVolumes(driver, uuid, plan.volumes);
        if (isFault(locked)) return locked;
        await writeWholeOnce(own.ownDefinition, async (part) =>
          writeFile(part, await driver.domains.definition(domain), { mode: 0o600 }),
        );
        await driver.domains.powerOff(domain);
        await driver.domains.dropManagedSave(domain);
        await driver.domains.start(await realise(driver, spec, aside, plan));
      }),
    ),
  );
}

/** See `unrescue` in ports/hypervisor.ts. A guest that is not in rescue is only started. */
export function unrescueGuest(driver: Driver, uuid: string): Promise<Outcome<void>> {
  const own = driver.folder.guest(uuid);
  const aside = driver.folder.guest(uuid, 'rescue');
  return driver.locks.run(uuid, () =>
    asOutcome(async () => {
      let domain = await driver.domains.find(uuid);
      if (!domain) return fault('notFound', `no guest ${uuid} on this host`);
      const definition = await unlessMissing(readFile(own.ownDefinition, 'utf8'), null);
      if (definition !== null) {
        await driver.domains.powerOff(domain);
        domain = await driver.domains.define(definition);
        await Promise.all(
          [
            aside.disk,
            aside.ephemeral,
            aside.swap,
            aside.configDrive,
            aside.kernel,
            aside.ramdisk,
          ].map((file) => rm(file, { force: true })),
        );
        await rm(own.ownDefinition);
      }
      const started = await startLocked(driver, domain);
      await releaseUnused(driver, uuid);
      return started;
    }),
  );
}
