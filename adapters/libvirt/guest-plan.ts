// Pure: which files a guest consists of and where its domain finds them. `guest-files.ts` creates
// them, `domain-xml.ts` refers to them.
import { fault, isFault, type Outcome } from '#contracts/common/fault.ts';
import type { DiskBus, GuestImage, GuestSpec } from '#contracts/nova/guest.ts';
import { cachedFormat, type GuestFolder } from './host-folder.ts';
import { volumeSource, type MountedShare, type PlacedVolume } from './volume-xml.ts';

export const gib = 1024 ** 3;
export const mib = 1024 ** 2;

export type GuestFile =
  | {
      /**
       * `copy`: a full copy of the image, which the cache may then remove; `overlay`: refers to the
       * image.
       */
      kind: 'overlay' | 'copy';
      path: string;
      backing: string;
      backingFormat: 'qcow2' | 'raw';
      sizeBytes: number;
    }
  | { kind: 'blank'; path: string; sizeBytes: number }
  | { kind: 'ephemeral'; path: string; sizeBytes: number }
  | { kind: 'swap'; path: string; sizeBytes: number }
  | { kind: 'configDrive'; path: string; files: Record<string, Buffer> }
  | { kind: 'link'; path: string; to: string };

export interface GuestDisk {
  path: string;
  format: 'qcow2' | 'raw';
  /** The device's name in the domain: 'vda', 'sda', 'hda'. */
  target: string;
  bus: DiskBus;
  /** The disk's serial number as the guest sees it, at most 20 characters. */
  serial: string;
  device: 'disk' | 'cdrom';
}

export interface GuestPlan {
  files: GuestFile[];
  disks: GuestDisk[];
  /** For a guest that boots from a volume, the first one is the boot disk. */
  volumes: PlacedVolume[];
  kernel: { kernelPath: string; ramdiskPath: string | null; commandLine: string } | null;
}

/** Cached images by id. An image is missing only if the files made from it exist already. */
export type CachedImages = ReadonlyMap<string, { path: string; virtualSizeBytes: number }>;

/** Images that the guest needs in the cache. */
export function imagesOf(spec: GuestSpec): GuestImage[] {
  return [spec.rootDisk?.image, spec.kernel?.kernel, spec.kernel?.ramdisk].filter(
    (image) => image !== null && image !== undefined,
  );
}

/**
 * Plans the guest's files and disks. badRequest: the root disk is smaller than its image, or a
 * volume cannot be reached. `further` are disks that exist already: the guest's own during a
 * rescue.
 */
export function planGuest(
  spec: GuestSpec,
  folder: GuestFolder,
  cached: CachedImages,
  options: { configDrive: 'disk' | 'cdrom'; mounts: readonly MountedShare[] },
  further: string[] = [],
): Outcome<GuestPlan> {
  const plan: GuestPlan = { files: [], disks: [], volumes: [], kernel: null };
  const letters = new DeviceNames(spec.volumes.map(({ device }) => device));

  for (const volume of spec.volumes.toSorted(
    (a, b) => bootRank(a.bootIndex) - bootRank(b.bootIndex),
  )) {
    const source = volumeSource(volume.connection, options.mounts);
    if (isFault(source)) return source;
    plan.volumes.push({ volume, source });
  }

  if (spec.rootDisk) {
    const root = rootFile(spec.rootDisk, folder, cached);
    if (isFault(root)) return root;
    plan.files.push(root);
    plan.disks.push({
      path: folder.disk,
      format: 'qcow2',
      ...letters.next(spec.rootDisk.bus),
      serial: 'root',
      device: 'disk',
    });
  }
  further.forEach((path, index) =>
    plan.disks.push({
      path,
      format: 'qcow2',
      ...letters.next('virtio'),
      serial: `own-${index}`,
      device: 'disk',
    }),
  );
  if (spec.ephemeralGib > 0) {
    plan.files.push({
      kind: 'ephemeral',
      path: folder.ephemeral,
      sizeBytes: spec.ephemeralGib * gib,
    });
    plan.disks.push({
      path: folder.ephemeral,
      format: 'raw',
      ...letters.next('virtio'),
      serial: 'ephemeral0',
      device: 'disk',
    });
  }
  if (spec.swapMib > 0) {
    plan.files.push({ kind: 'swap', path: folder.swap, sizeBytes: spec.swapMib * mib });
    plan.disks.push({
      path: folder.swap,
      format: 'raw',
      ...letters.next('virtio'),
      serial: 'swap',
      device: 'disk',
    });
  }
  if (spec.configDrive) {
    plan.files.push({
      kind: 'configDrive',
      path: folder.configDrive,
      files: Object.fromEntries(
        Object.entries(spec.configDrive).map(([name, base64]) => [
          name,
          Buffer.from(base64, 'base64'),
        ]),
      ),
    });
    // IDE where the machine has it (i440fx), else SATA (q35): common guests have the drivers of
    // both built in.
    const cdromBus = spec.machineType?.includes('q35') === true ? 'sata' : 'ide';
    plan.disks.push({
      path: folder.configDrive,
      format: 'raw',
      ...letters.next(options.configDrive === 'cdrom' ? cdromBus : 'virtio'),
      serial: 'config-2',
      device: options.configDrive,
    });
  }
  if (spec.kernel) {
    const { kernel, ramdisk, commandLine } = spec.kernel;
    // Hard links, so that the guest keeps its kernel even if the cache removes it.
    for (const [image, path] of [
      [kernel, folder.kernel],
      [ramdisk, folder.ramdisk],
    ] as const) {
      const to = image && cached.get(image.id)?.path;
      if (to !== undefined && to !== null) plan.files.push({ kind: 'link', path, to });
    }
    plan.kernel = {
      kernelPath: folder.kernel,
      ramdiskPath: ramdisk ? folder.ramdisk : null,
      commandLine: `console=ttyS0 ${commandLine}`.trim(),
    };
  }
  return plan;
}

function rootFile(
  disk: NonNullable<GuestSpec['rootDisk']>,
  folder: GuestFolder,
  cached: CachedImages,
): Outcome<GuestFile> {
  const wantedBytes = disk.sizeGib * gib;
  if (!disk.image) return { kind: 'blank', path: folder.disk, sizeBytes: wantedBytes };
  const image = cached.get(disk.image.id);
  if (!image) return { kind: 'blank', path: folder.disk, sizeBytes: wantedBytes };
  if (wantedBytes > 0 && wantedBytes < image.virtualSizeBytes) {
    return fault(
      'badRequest',
      `the root disk of ${disk.sizeGib} GiB is smaller than image ${disk.image.id} of ${Math.ceil(image.virtualSizeBytes / mib)} MiB`,
      { image: disk.image.id },
    );
  }
  return {
    kind: disk.isCopy ? 'copy' : 'overlay',
    path: folder.disk,
    backing: image.path,
    backingFormat: cachedFormat(disk.image),
    sizeBytes: wantedBytes || image.virtualSizeBytes,
  };
}

const bootRank = (bootIndex: number | null): number => bootIndex ?? Number.MAX_SAFE_INTEGER;

const prefix = { virtio: 'vd', scsi: 'sd', sata: 'sd', ide: 'hd' } as const;

/** Assigns device names (vda, vdb, sda ...) in order, leaving out names that are in use. */
class DeviceNames {
  readonly #usedNames: Set<string>;

  constructor(usedNames: readonly string[]) {
    this.#usedNames = new Set(usedNames);
  }

  next(bus: DiskBus): { target: string; bus: DiskBus } {
    let code = 97; // 'a'; a guest has never more than 26 disks
    while (this.#usedNames.has(prefix[bus] + String.fromCharCode(code))) code += 1;
    const target = prefix[bus] + String.fromCharCode(code);
    this.#usedNames.add(target);
    return { target, bus };
  }
}
