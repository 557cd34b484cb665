// Device names (vda, ...) of a server's disks. Pure. The disks that its host creates take the first
// free names, as the hypervisor driver assigns them; volumes take the names that remain.
import type { ImageFacts } from '#contracts/nova/facts.ts';
import type { DiskBus } from '#contracts/nova/guest.ts';

/** The disks of a server that are not volumes. */
export interface OwnDisks {
  /** null: the server boots from a volume. */
  rootBus: DiskBus | null;
  hasEphemeral: boolean;
  hasSwap: boolean;
  hasConfigDrive: boolean;
}

const prefix: Record<DiskBus, string> = { virtio: 'vd', scsi: 'sd', sata: 'sd', ide: 'hd' };
const letters = 'abcdefghijklmnopqrstuvwxyz';

function firstFree(bus: DiskBus, usedNames: ReadonlySet<string>): string | undefined {
  return [...letters].map((letter) => prefix[bus] + letter).find((name) => !usedNames.has(name));
}

const buses: readonly DiskBus[] = ['virtio', 'scsi', 'sata', 'ide'];

/** Bus of a root disk that is created from the image. */
export const rootBus = (image: ImageFacts | null): DiskBus =>
  buses.find((bus) => bus === image?.properties['hw_disk_bus']) ?? 'virtio';
/** Device name of the boot disk: a volume with boot index 0, or the disk created from the image. */
export const rootDevice = (
  image: ImageFacts | null,
  volumes: readonly { device: string; boot_index: number | null }[],
): string =>
  volumes.find(({ boot_index: index }) => index === 0)?.device ?? `${prefix[rootBus(image)]}a`;

/**
 * The name for one more volume; undefined: no name is free. `volumes`: names of the other volumes.
 */
export function nextDevice(
  own: OwnDisks,
  volumes: readonly string[],
  bus: DiskBus,
): string | undefined {
  const usedNames = new Set(volumes);
  // The first volume of a volume-backed server is its boot disk and takes the first name.
  if (own.rootBus === null && volumes.length === 0) return `${prefix[bus]}a`;
  const rest = [own.hasEphemeral, own.hasSwap, own.hasConfigDrive].flatMap((has): DiskBus[] =>
    has ? ['virtio'] : [],
  );
  for (const each of own.rootBus === null ? rest : [own.rootBus, ...rest])
    usedNames.add(firstFree(each, usedNames) ?? '');
  return firstFree(bus, usedNames);
}
