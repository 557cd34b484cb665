// Locks on images of volumes that QEMU does not lock itself (libnfs): acquired before a guest may
// open an image, released when neither its definition nor its process uses it. The volumes in use
// are read from libvirt each time, so that the next pass repairs what a crash left.
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Outcome } from '#contracts/common/fault.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { GuestSpec } from '#contracts/nova/guest.ts';
import type { ImageLock } from '#ports/image-locks.ts';
import { isBetweenHosts } from './between-hosts.ts';
import type { Driver } from './driver.ts';
import { endOffer } from './offer-disks.ts';
import { asOutcome, unlessMissing } from './outcome.ts';
import type { Domain } from './rpc/protocol.ts';
import { disksIn, volumeSource, type PlacedVolume } from './volume-xml.ts';
import { exists } from './write-whole.ts';

/**
 * Acquires the locks of these volumes. The caller holds the guest's lock, as for every function of
 * this file. conflict: another guest has one of the images; notFound, unavailable, timeout.
 */
export async function lockVolumes(
  driver: Driver,
  guest: string,
  volumes: readonly {
    volume: Pick<PlacedVolume['volume'], 'volumeId'>;
    source: PlacedVolume['source'];
  }[],
): Promise<Outcome<void>> {
  return await hold(
    driver,
    volumes
      .filter(({ source }) => source.server !== '')
      .map(({ volume: { volumeId }, source: { server, path } }) => ({
        guest,
        volumeId,
        server,
        path,
      })),
  );
}

/**
 * Acquires the locks of a defined guest and starts it. After a power failure of the host or a
 * restart of the filer it may have no locks.
 */
export async function startLocked(driver: Driver, domain: Domain): Promise<Outcome<void>> {
  await endOffer(driver, domain.uuid);
  const holdResult = await hold(
    driver,
    locksIn(domain.uuid, await driver.domains.definition(domain)),
  );
  return isFault(holdResult) ? holdResult : await driver.domains.start(domain);
}

/** See `breakLocks` in ports/hypervisor.ts. */
export function breakLocks(
  driver: Driver,
  spec: GuestSpec,
  otherHost: string,
): Promise<Outcome<void>> {
  const { imageLocks } = driver;
  return driver.locks.run(spec.uuid, () =>
    asOutcome(async () => {
      if (!imageLocks) return;
      for (const { volumeId, connection } of spec.volumes) {
        const source = volumeSource(connection, driver.settings.mounts);
        if (isFault(source)) return source;
        // On a share that hosts mount, QEMU's own lock ends with the other host's mount.
        if (source.server === '') continue;
        const { server, path } = source;
        const breaking = await imageLocks.breakOf(
          { guest: spec.uuid, volumeId, server, path },
          otherHost,
        );
        if (isFault(breaking)) return breaking;
      }
    }),
  );
}

/**
 * Releases the locks that the guest no longer uses. `inUse`: the locks in use, if the caller has
 * just read them. A release that fails is repeated by the next pass, or by the locks' driver once
 * the filer answers.
 */
export async function releaseUnused(
  driver: Driver,
  uuid: string,
  inUse?: readonly ImageLock[],
): Promise<void> {
  const { imageLocks } = driver;
  const passResult =
    imageLocks &&
    (await asOutcome(async () => {
      const noted = (await imageLocks.noted()).filter(({ guest }) => guest === uuid);
      if (noted.length === 0) return;
      const used = inUse ?? (await locksOf(driver, uuid));
      await Promise.all(
        noted
          .filter((lock) => !used.some((each) => isSame(each, lock)))
          .map(async (lock) => {
            const released = await imageLocks.release(lock);
            if (isFault(released))
              driver.log.warn(
                { server: uuid, volume: lock.volumeId, why: released.message },
                'image lock not released yet',
              );
          }),
      );
    }));
  if (isFault(passResult))
    driver.log.warn(
      { server: uuid, why: passResult.message },
      'image locks not looked at; the next look does it',
    );
}

/**
 * Runs a pass over all guests at start (for what an earlier process left) and then periodically
 * (for what has failed since).
 */
export async function keepLocks(
  driver: Driver,
  everyMs: number,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await mendLocks(driver, signal).catch((error: unknown) =>
      driver.log.error({ err: error }, 'image locks not looked at'),
    );
    await delay(everyMs, undefined, { signal, ref: false }).catch(() => undefined);
  }
}

/** One pass: makes sure that every guest holds the locks of its volumes and no others. */
async function mendLocks(driver: Driver, signal: AbortSignal): Promise<void> {
  const { imageLocks } = driver;
  const passResult =
    imageLocks &&
    (await asOutcome(async () => {
      const guests = new Set(
        [
          ...(await driver.domains.list()),
          ...(await imageLocks.noted()).map(({ guest }) => ({ uuid: guest })),
        ].map(({ uuid }) => uuid),
      );
      for (const uuid of guests)
        if (!signal.aborted)
          await driver.locks.run(uuid, async () => await mendGuest(driver, uuid));
    }));
  if (isFault(passResult) && !signal.aborted)
    driver.log.warn(
      { why: passResult.message },
      'image locks not looked at; the next look does it',
    );
}

/** Acquires the locks of all volumes in the guest's definition and in its running domain. */
export async function holdLocks(driver: Driver, uuid: string): Promise<Outcome<void>> {
  return await hold(driver, await locksOf(driver, uuid));
}

async function mendGuest(driver: Driver, uuid: string): Promise<void> {
  // Skipped during a live migration: the source keeps the locks until it is told to forget the
  // guest, and the destination acquires them when it is told to settle the arrival.
  const onItsWay = await asOutcome(async () =>
    (await driver.domains.find(uuid))
      ? await exists(driver.folder.guest(uuid).awaited)
      : await isBetweenHosts(driver, uuid),
  );
  if (isFault(onItsWay) || onItsWay) return;
  const used = await asOutcome(async () => await locksOf(driver, uuid));
  const holdResult = isFault(used) ? used : await hold(driver, used);
  if (isFault(holdResult))
    driver.log.error(
      { server: uuid, why: holdResult.message },
      'a guest is without the lock of a volume it has',
    );
  if (!isFault(used)) await releaseUnused(driver, uuid, used);
}

async function hold({ imageLocks }: Driver, locks: readonly ImageLock[]): Promise<Outcome<void>> {
  if (!imageLocks) return;
  return (await Promise.all(locks.map(async (lock) => await imageLocks.hold(lock)))).find(isFault);
}

/**
 * The locks for the guest's definition, for its running domain, and for its own definition during a
 * rescue.
 */
async function locksOf(driver: Driver, uuid: string): Promise<ImageLock[]> {
  const domain = await driver.domains.find(uuid);
  if (!domain) return [];
  const aside = await unlessMissing(readFile(driver.folder.guest(uuid).ownDefinition, 'utf8'), '');
  const all = locksIn(
    uuid,
    [await driver.domains.definition(domain), await driver.domains.liveXml(domain), aside].join(
      '\n',
    ),
  );
  return all.filter((lock, index) => all.findIndex((each) => isSame(each, lock)) === index);
}

const locksIn = (guest: string, xml: string): ImageLock[] =>
  disksIn(xml).flatMap(({ volumeId, server, path }) =>
    volumeId === null || server === '' ? [] : [{ guest, volumeId, server, path }],
  );
const isSame = (one: ImageLock, other: ImageLock): boolean =>
  one.server === other.server && one.path === other.path;
