// Makes and removes guests. Every step keeps what is whole, so a build that died anywhere is
// finished by the next `create`.
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { isFault, type Outcome } from '#contracts/common/fault.ts';
import type { GuestSpec } from '#contracts/nova/guest.ts';
import { domainXml } from './domain-xml.ts';
import type { Driver } from './driver.ts';
import { makeGuestFiles } from './guest-files.ts';
import { imagesOf, planGuest, type CachedImages, type GuestPlan } from './guest-plan.ts';
import type { GuestFolder } from './host-folder.ts';
import { asOutcome } from './outcome.ts';
import type { Domain } from './rpc/protocol.ts';
import { lockVolumes, releaseUnused } from './volume-locks.ts';
import { exists } from './write-whole.ts';

/**
 * See the port. A guest that ran once is never removed by a failed `create`: its disks hold the
 * tenant's data.
 */
export function createGuest(driver: Driver, spec: GuestSpec): Promise<Outcome<void>> {
  const folder = driver.folder.guest(spec.uuid);
  return driver.locks.run(spec.uuid, () =>
    driver.images.pinned(imagesOf(spec), async () => {
      let done: Outcome<void> | undefined;
      try {
        done = await asOutcome(() => build(driver, spec, folder));
        return done;
      } finally {
        // Also after a thrown bug: half a guest helps nobody.
        if (done === undefined || isFault(done))
          await ((await exists(folder.built))
            ? releaseUnused(driver, spec.uuid)
            : undoBuild(driver, spec.uuid));
      }
    }),
  );
}

async function build(driver: Driver, spec: GuestSpec, folder: GuestFolder): Promise<Outcome<void>> {
  const existing = await driver.domains.find(spec.uuid);
  if (existing && (await driver.domains.isActive(existing))) {
    await driver.domains.awaitStart(existing);
    return markBuilt(folder);
  }
  const plan = await planFor(driver, spec, folder);
  if (isFault(plan)) return plan;
  const locked = await lockVolumes(driver, spec.uuid, plan.volumes);
  if (isFault(locked)) return locked;
  const domain = await realise(driver, spec, folder, plan);
  await driver.domains.start(domain);
  await markBuilt(folder);
}

/**
 * Root disk anew from the image, the rest as in `create`. Everything that can be refused is refused
 * before anything is lost.
 */
export function rebuildGuest(
  driver: Driver,
  spec: GuestSpec,
  start: boolean,
): Promise<Outcome<void>> {
  const folder = driver.folder.guest(spec.uuid);
  return driver.locks.run(spec.uuid, () =>
    driver.images.pinned(imagesOf(spec), () =>
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
    ),
  );
}

/** Domain, files, sockets: gone. */
export function destroyGuest(driver: Driver, uuid: string): Promise<Outcome<void>> {
  return driver.locks.run(uuid, () => asOutcome(() => removeGuest(driver, uuid)));
}

/**
 * For callers that hold the guest's lock. The folder goes last: while it is there, garbage
 * collection can finish the work.
 */
export async function removeGuest(driver: Driver, uuid: string): Promise<void> {
  const folder = driver.folder.guest(uuid);
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
 * Looks the images up, touches them, and plans. conflict: an image is not cached. badRequest: see
 * planGuest.
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
    if (isFault(used)) return used;
    cached.set(image.id, used);
  }
  return planGuest(spec, folder, cached, driver.settings, further);
}

/**
 * Files and definition at the same time: libvirt looks at the files only when it starts the domain.
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
    makeGuestFiles(folder.root, plan.files),
    driver.domains.define(xml),
  ]);
  if (files.status === 'rejected') throw files.reason;
  if (defined.status === 'rejected') throw defined.reason;
  return defined.value;
}

function markBuilt(folder: GuestFolder): Promise<void> {
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
