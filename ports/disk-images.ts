// What hypervisors and storage backends do with disk image files: commands on images that this
// cloud created, and inspection and conversion of images that tenants uploaded. Driver:
// adapters/qemu-img. Decision: ADR 17.
import type { Outcome } from '#contracts/common/fault.ts';

/** An image file whose content a tenant chose: it must not be trusted. */
export interface ForeignImage {
  path: string;
  /** Glance's disk_format; the content must have this format. */
  diskFormat: string;
}

export interface RunLimits {
  timeoutMs: number;
  /** Aborting ends every process of the call before the call resolves. */
  signal?: AbortSignal | undefined;
}

export interface ConvertTarget {
  /** Format of the target, by qemu-img's name. */
  name: string;
  /** Write into an existing image, which must be large enough, instead of creating one. */
  intoExisting: boolean;
}

export interface JudgedImage {
  /** Size of the disk as a guest sees it. */
  virtualBytes: number;
  /** The format is raw: there is no header that QEMU would parse. */
  isRaw: boolean;
}

/**
 * Work on disk images. Faults of every call: timeout (also when aborted), unavailable (the storage
 * or the sandbox does not work), overQuota (no space left). No process of a call outlives the call,
 * nor the process that made it.
 */
export interface DiskImages {
  /**
   * Runs qemu-img on images that this cloud created. notFound: a file is missing; badRequest: a
   * file cannot be read as an image.
   */
  run(args: readonly string[], limits: RunLimits): Promise<Outcome<void>>;

  /**
   * Grows the disk in a volume's qcow2 image to `sizeGib`. Safe to repeat. conflict: the disk is
   * larger already. Other faults: as `run`.
   */
  grow(name: string, sizeGib: number, limits: RunLimits): Promise<Outcome<void>>;

  /**
   * Checks that a tenant's image may be used: it has its declared format, is complete in one file,
   * is not encrypted, and has tables of plausible sizes. Decided by the report of a QEMU process
   * that can open only this file. badRequest: it may not be used, with the reason; tooLarge: its
   * disk is larger than `maxVirtualBytes`. Messages contain no path, so that the image's owner may
   * read them.
   */
  inspect(
    image: ForeignImage,
    maxVirtualBytes: number,
    limits: RunLimits,
  ): Promise<Outcome<JudgedImage>>;

  /**
   * Inspects the image, then writes its disk into the qcow2 image `target`, sparse where the disk
   * is zero. Faults: as `inspect`; after a fault `target` must not be used.
   */
  convert(
    image: ForeignImage,
    maxVirtualBytes: number,
    target: ConvertTarget,
    limits: RunLimits,
  ): Promise<Outcome<JudgedImage>>;
}
