// Creates, rebuilds and destroys guests. Each step keeps files that are already complete, so that a
// repeated `create` finishes a build that was interrupted anywhere.
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { isFault, type Outcome } from '#contracts/common/fault.ts';
import type { GuestImage, GuestSpec } from '#contracts/nova/guest.ts';
import { domainXml } from './domain-xml.ts';
import type { Driver } from './driver.ts';
import { makeGuestFiles } from './guest-files.ts';
import { imagesOf, planGuest, type CachedImages, type GuestPlan } from './guest-plan.ts';
import type { GuestFolder } from './host-folder.ts';
import { endOffer } from './offer-disks.ts';
import { asOutcome } from './outcome.ts';
import type { Domain } from './rpc/protocol.ts';
import { lockVolumes, releaseUnused } from './volume-locks.ts';
import { exists } from './write-whole.ts';

/**
 * See `create` in ports/hypervisor.ts. A failed `create` never removes a guest that has run before:
 * its disks hold the tenant's data.
 */
export function createGuest(
  driver: Driver,
  spec: GuestSpec,
  start: boolean,
): Promise<Outcome<void>> {
  return alone(driver, spec, async (folder) => {
    let outcome: Outcome<void> | undefined;
    try {
      outcome = await asOutcome(() => build(driver, spec, folder, start));
      return outcome;
    } finally {
      // Also after an unexpected error: a partly built guest is of no use.
      if (outcome === undefined || isFault(outcome))
        await ((await exists(folder.built))
          ? releaseUnused(driver, spec.uuid)
          : undoBuild(driver, spec.uuid));
    }
  });
}

/** Runs `work` under the guest's lock, with its images pinned in the cache. */
const alone = (
  driver: Driver,
  spec: GuestSpec,
  work: (folder: GuestFolder) => Promise<Outcome<void>>,
): Promise<Outcome<void>> =>
  driver.locks.run(spec.uuid, () =>
    driver.images.pinned(imagesOf(spec), () => work(driver.folder.guest(spec.uuid))),
  );

async function build(
  driver: Driver,
  spec: GuestSpec,
  folder: GuestFolder,
  start: boolean,
): Promise<Outcome<void>> {
  const existing = await driver.domains.find(spec.uuid);
  if (existing && (await driver.domains.isActive(existing))) {
    await driver.domains.awaitStart(existing);
    return markBuilt(folder);
  }
  await endOffer(driver, spec.uuid);
  const plan = await planFor(driver, spec, folder);
  if (isFault(plan)) return plan;
  const locked = await lockVolumes(driver, spec.uuid, plan.volumes);
  if (isFault(locked)) return locked;
  const domain = await realise(driver, spec, folder, plan);
  if (start) await driver.domains.start(domain);
  await markBuilt(folder);
  if (existing) await releaseUnused(driver, spec.uuid);
}

/**
 * Recreates the root disk from the image; everything else as in `create`. All checks run before the
 * old disk is removed.
 */
export function rebuildGuest(
  driver: Driver,
  spec: GuestSpec,
  start: boolean,
): Promise<Outcome<void>> {
  return alone(driver, spec, (folder) =>
    asOutcome(async () => {
      const plan = await planFor(driver, spec, folder);
      if (isFault(plan)) return plan;
      const locked = await lockVolumes(driver, spec.uuid, plan.volumes);
      if (isFault(locked)) return locked;
      const existing = await driver.domains.find(spec.uuid);
      if (existing) {
        await driver.domains.powerOff(existing);
        await driver.domains.dropManagedSave(existing);
      }
      await Promise.all(
        [folder.disk, folder.ownDefinition].map((file) => rm(file, { force: true })),
      );
      const domain = await realise(driver, spec, folder, plan);
      if (start) await driver.domains.start(domain);
      await markBuilt(folder);
      await releaseUnused(driver, spec.uuid);
    }),
  );
}

/** Removes the domain, its files and its sockets. */
export function destroyGuest(driver: Driver, uuid: string): Promise<Outcome<void>> {
  return driver.locks.run(uuid, () => asOutcome(() => removeGuest(driver, uuid)));
}

/**
 * Removes the domain, its files and its sockets, for callers that hold the guest's lock. The folder
 * is removed last: while it exists, garbage collection can finish an interrupted removal.
 */
export async function removeGuest(driver: Driver, uuid: string): Promise<void> {
  const folder = driver.folder.guest(uuid);
  await endOffer(driver, uuid);
  const domain = await driver.domains.find(uuid);
  if (domain) {
    await driver.domains.powerOff(domain);
    await driver.domains.undefine(domain);
  }
  await releaseUnused(driver, uuid);
  await rm(folder.vncSocket, { force: true });
  await rm(folder.root, { recursive: true, force: true });
}

/**
 * Looks up the guest's images in the cache, marks them as used, and plans the guest. conflict: an
 * image is not cached. badRequest: as `planGuest` (guest-plan.ts).
 */
export async function planFor(
  driver: Driver,
  spec: GuestSpec,
  folder: GuestFolder,
  further: string[] = [],
): Promise<Outcome<GuestPlan>> {
  const cached: Map<string, { path: string; virtualSizeBytes: number }> =
    new Map() satisfies CachedImages;
  for (const image of imagesOf(spec)) {
    const used = await driver.images.use(image);
    // The cache lacks the image, but the files made from it exist: the disk was copied from another
    // host, or the image was removed from the cache later.
    if (isFault(used) && (await isMadeOf(image, spec, folder))) continue;
    if (isFault(used)) return used;
    cached.set(image.id, used);
  }
  return planGuest(spec, folder, cached, driver.settings, further);
}

const isMadeOf = async (
  { id }: GuestImage,
  { rootDisk, kernel }: GuestSpec,
  folder: GuestFolder,
): Promise<boolean> => {
  const files = [
    ...(rootDisk?.image?.id === id ? [folder.disk] : []),
    ...(kernel?.kernel.id === id ? [folder.kernel] : []),
    ...(kernel?.ramdisk?.id === id ? [folder.ramdisk] : []),
  ];
  return (await Promise.all(files.map(exists))).every((isThere) => isThere);
};

/**
 * Writes files and definition concurrently: libvirt opens the files only when the domain starts.
 */
export async function realise(
  driver: Driver,
  spec: GuestSpec,
  folder: GuestFolder,
  plan: GuestPlan,
): Promise<Domain> {
  await mkdir(path.dirname(folder.vncSocket), { recursive: true });
  const xml = domainXml(spec, plan, {
    ...driver.settings,
    diskCache: await driver.diskCache(),
    consoleLogPath: folder.consoleLog,
    vncSocketPath: folder.vncSocket,
  });
  const [files, defined] = await Promise.allSettled([
    makeGuestFiles(folder.root, plan.files, driver.diskImages),
    driver.domains.define(xml),
  ]);
  if (files.status === 'rejected') throw files.reason;
  if (defined.status === 'rejected') throw defined.reason;
  return defined.value;
}

export function markBuilt(folder: GuestFolder): Promise<void> {
  return writeFile(folder.built, '');
}

async function undoBuild(driver: Driver, uuid: string): Promise<void> {
  const undone = await asOutcome(() => removeGuest(driver, uuid));
  if (isFault(undone))
    driver.log.warn(
      { server: uuid, reason: undone.message },
      'a failed build is not cleaned up yet; garbage collection will',
    );
}
