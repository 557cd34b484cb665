// Names of a server's disks. Pure. Its own disks take the first free ones, as the hypervisor's
// driver names them; volumes come around them.
import type { ImageFacts } from '#contracts/nova/facts.ts';
import type { DiskBus } from '#contracts/nova/guest.ts';

/** What a server has of its own. */
export interface OwnDisks {
  /** null: it boots from a volume. */
  rootBus: DiskBus | null;
  hasEphemeral: boolean;
  hasSwap: boolean;
  hasConfigDrive: boolean;
}

const prefix: Record<DiskBus, string> = { virtio: 'vd', scsi: 'sd', sata: 'sd', ide: 'hd' };
const letters = 'abcdefghijklmnopqrstuvwxyz';

function firstFree(bus: DiskBus, taken: ReadonlySet<string>): string | undefined {
  return [...letters].map((letter) => prefix[bus] + letter).find((name) => !taken.has(name));
}

const buses: readonly DiskBus[] = ['virtio', 'scsi', 'sata', 'ide'];

/** Of the disk that is made of the image. */
export const rootBus = (image: ImageFacts | null): DiskBus =>
  buses.find((bus) => bus === image?.properties['hw_disk_bus']) ?? 'virtio';
/** What a server boots from: a volume of its, or the disk that is made of its image. */
export const rootDevice = (
  image: ImageFacts | null,
  volumes: readonly { device: string; boot_index: number | null }[],
): string =>
  volumes.find(({ boot_index: index }) => index === 0)?.device ?? `${prefix[rootBus(image)]}a`;

/**
 * A name for one more volume; undefined: all are taken. `volumes` are the names that other volumes
 * have.
 */
export function nextDevice(
  own: OwnDisks,
  volumes: readonly string[],
  bus: DiskBus,
): string | undefined {
  const taken = new Set(volumes);
  // A volume to boot from goes before everything else.
  if (own.rootBus === null && volumes.length === 0) return `${prefix[bus]}a`;
  const rest = [own.hasEphemeral, own.hasSwap, own.hasConfigDrive].flatMap((has): DiskBus[] =>
    has ? ['virtio'] : [],
  );
  for (const each of own.rootBus === null ? rest : [own.rootBus, ...rest])
    taken.add(firstFree(each, taken) ?? '');
  return firstFree(bus, taken);
}
