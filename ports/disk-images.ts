// What hypervisors and storage backends need of disk image files: commands on images of our own
// making, and the judgement and conversion of images that tenants sent. Driver: adapters/qemu-img.
// Decision: ADR 17.
import type { Outcome } from '#contracts/common/fault.ts';

/** A file whose content a tenant chose: nothing in it is believed. */
export interface ForeignImage {
  path: string;
  /** Glance's disk_format, which the content must be. */
  diskFormat: string;
}

export interface RunLimits {
  timeoutMs: number;
  /** Aborting it ends every process of the call before the call resolves. */
  signal?: AbortSignal | undefined;
}

export interface ConvertTarget {
  /** Any name that qemu-img knows. */
  name: string;
  /** Into an image that is there already, and not smaller. */
  intoExisting: boolean;
}

export interface JudgedImage {
  /** How large a disk a guest sees. */
  virtualBytes: number;
  /** QEMU reads these bytes as they are: there is no header that it would parse. */
  isRaw: boolean;
}

/**
 * Faults of all: timeout (also of an aborted call), unavailable (the storage or the sandbox does
 * not work), overQuota (no space left). No process of a call outlives it, nor the process that made
 * the call.
 */
export interface DiskImages {
  /**
   * Runs qemu-img on images that this cloud made. notFound: a file is missing; badRequest: one
   * cannot be read.
   */
  run(args: readonly string[], limits: RunLimits): Promise<Outcome<string>>;

  /** The size of the disk in a qcow2 image that this cloud made. Faults: as `run`. */
  virtualBytes(name: string, limits: RunLimits): Promise<Outcome<number>>;

  /**
   * Whether the image stands on its own: of its disk format, complete in one file, not encrypted,
   * with tables of sane sizes. What QEMU itself reports decides, from a process that can open this
   * file alone. badRequest: it does not, and why; tooLarge: its disk is larger than
   * `maxVirtualBytes`. Messages name no path, so that an image's owner may read them.
   */
  inspect(
    image: ForeignImage,
    maxVirtualBytes: number,
    limits: RunLimits,
  ): Promise<Outcome<JudgedImage>>;

  /**
   * Inspects the image, then writes its disk into the qcow2 image `target`, with holes where the
   * disk is zero. Faults: as `inspect`; on a fault, what is left of the target is no image.
   */
  convert(
    image: ForeignImage,
    maxVirtualBytes: number,
    target: ConvertTarget,
    limits: RunLimits,
  ): Promise<Outcome<JudgedImage>>;
}
