// Audits what is on the host's disk, and removes what belongs to no guest.
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import type { Outcome } from '#contracts/common/fault.ts';
import { isBetweenHosts } from './between-hosts.ts';
import { removeGuest } from './build-guest.ts';
import type { Driver } from './driver.ts';
import { isGuestUuid, partSuffix } from './host-folder.ts';
import { asOutcome, unlessMissing } from './outcome.ts';
import { readQcow2Header } from './qcow2-header.ts';
import { exists } from './write-whole.ts';

export function collectGarbage(
  driver: Driver,
  keepImageIds: ReadonlySet<string>,
  olderThanMs: number,
): Promise<Outcome<string[]>> {
  return asOutcome(async () => {
    const removedNames: string[] = [];
    // Folders first, domains second: a guest created in between is then in the domain list and its
    // folder is kept.
    const folders = await guestFolders(driver);
    const owned = new Set((await driver.domains.list()).map((guest) => guest.uuid));
    for (const uuid of folders.filter((each) => !owned.has(each))) {
      await driver.locks.run(uuid, async () => {
        if (await driver.domains.find(uuid)) return; // a build held the lock meanwhile
        if (await isBetweenHosts(driver, uuid)) return;
        await removeGuest(driver, uuid);
        removedNames.push(`guests/${uuid}`);
      });
    }
    const backing = new Set((await overlays(driver)).map((overlay) => overlay.backing));
    return [
      ...removedNames,
      ...(await driver.images.collect(keepImageIds, backing, olderThanMs, driver.now())),
    ];
  });
}

export function inventory(
  driver: Driver,
): Promise<Outcome<{ guestFolders: string[]; cachedImages: string[]; brokenOverlays: string[] }>> {
  return asOutcome(async () => {
    const brokenOverlays: string[] = [];
    for (const overlay of await overlays(driver)) {
      if (!(await exists(overlay.backing))) brokenOverlays.push(overlay.path);
    }
    return {
      guestFolders: await guestFolders(driver),
      cachedImages: await driver.images.list(),
      brokenOverlays,
    };
  });
}

async function guestFolders(driver: Driver): Promise<string[]> {
  return (await unlessMissing(readdir(driver.folder.guests), [])).filter(isGuestUuid);
}

/** Every qcow2 file of every guest that has a backing file. */
async function overlays(driver: Driver): Promise<{ path: string; backing: string }[]> {
  const overlayFiles: { path: string; backing: string }[] = [];
  for (const uuid of await guestFolders(driver)) {
    const { disk } = driver.folder.guest(uuid);
    const { disk: rescueDisk } = driver.folder.guest(uuid, 'rescue');
    for (const file of [disk, rescueDisk, disk + partSuffix]) {
      const header = await unlessMissing(readQcow2Header(file), null);
      if (header?.backingFile)
        overlayFiles.push({
          path: file,
          backing: path.resolve(path.dirname(file), header.backingFile),
        });
    }
  }
  return overlayFiles;
}
