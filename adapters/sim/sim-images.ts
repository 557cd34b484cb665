// The image cache of a simulated host. Used by sim-hypervisor.ts, which saves the changes.
import { fault, isFault, type Fault } from '#contracts/common/fault.ts';
import type { GuestImage, GuestSpec } from '#contracts/nova/guest.ts';
import type { OpenImage } from '#ports/hypervisor.ts';
import { imageIds } from './sim-guest.ts';
import { checkImage } from './sim-image.ts';
import type { SimHost } from './sim-world.ts';

/** Downloads the image and checks its bytes; returns the fault, or null if they are right. */
export async function readImage(image: GuestImage, open: OpenImage): Promise<Fault | null> {
  const source = await open();
  return isFault(source) ? source : ((await checkImage(image, source)) ?? null);
}

/** Why the host cannot build the guest; null if it can. Marks the guest's images as used now. */
export function problemWith(host: SimHost, spec: GuestSpec, nowMs: number): Fault | null {
  for (const id of imageIds(spec)) {
    if (!host.images.has(id))
      return fault('conflict', `image ${id} is not in this host's cache; ensureImage comes first`);
    host.images.set(id, nowMs);
  }
  const root = spec.rootDisk;
  // Known only for a raw image: its virtual size is its number of bytes. Other formats would need
  // the bytes, which are not kept.
  if (root?.image && root.sizeGib > 0 && root.sizeGib * 1024 ** 3 < root.image.sizeBytes) {
    return fault(
      'badRequest',
      `the root disk of ${root.sizeGib} GiB is smaller than image ${root.image.id} of ${Math.ceil(root.image.sizeBytes / 1024 ** 2)} MiB`,
      { image: root.image.id },
    );
  }
  return null;
}

/** Removes the images that are neither used nor to be kept; returns their ids. */
export function collectImages(
  host: SimHost,
  keep: ReadonlySet<string>,
  unusedSinceMs: number,
): string[] {
  const backing = new Set(
    [...host.guests.values()].flatMap((guest) => [
      ...guest.imageIds,
      ...(guest.rescue?.imageIds ?? []),
    ]),
  );
  const unused = [...host.images]
    .filter(([id, usedAtMs]) => !keep.has(id) && !backing.has(id) && usedAtMs <= unusedSinceMs)
    .map(([id]) => id);
  for (const id of unused) host.images.delete(id);
  return unused;
}

export const inventoryOf = (host: SimHost) => ({
  guestFolders: [...host.guests.keys()],
  cachedImages: [...host.images.keys()],
  brokenOverlays: [...host.guests.values()]
    .filter((guest) => guest.imageIds.some((id) => !host.images.has(id)))
    .map((guest) => guest.uuid),
});
