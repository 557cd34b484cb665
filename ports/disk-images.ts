// What hypervisors and storage backends need of disk image files: commands on images that this
// cloud created, and inspection and conversion of images that tenants uploaded. Driver:
// adapters/qemu-img. Decision: ADR 17.
import type { Outcome } from '#contracts/common/fault.ts';

/** A file whose content a tenant chose: nothing in it is trusted. */
export interface ForeignImage {
  path: string;
  /** Glance's disk_format, which the content must have. */
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
  /** Write into an existing image that is large enough. */
  intoExisting: boolean;
}

export interface JudgedImage {
  /** The size of the disk as a guest sees it. */
  virtualBytes: number;
  /** QEMU uses these bytes as they are: there is no header that it would parse. */
  isRaw: boolean;
}

/**
 * Faults of every call: timeout (also of an aborted call), unavailable (the storage or the sandbox
 * does not work), overQuota (no space left). No process of a call outlives it, nor the process that
 * made the call.
 */
export interface DiskImages {
  /**
   * Runs qemu-img on images that this cloud created. notFound: a file is missing; badRequest: one
   * cannot be read.
   */
  run(args: readonly string[], limits: RunLimits): Promise<Outcome<void>>;

  /**
   * Grows the disk in the qcow2 image of a volume; safe to repeat. conflict: it is larger. Other
   * faults: as `run`.
   */
  grow(name: string, sizeGib: number, limits: RunLimits): Promise<Outcome<void>>;

  /**
   * Whether the image may be used: of its disk format, complete in one file, not encrypted, with
   * tables of plausible sizes. Decided by QEMU's own report, from a process that can open only this
   * file. badRequest: it may not, with the reason; tooLarge: its disk is larger than
   * `maxVirtualBytes`. Messages name no path, so that an image's owner may read them.
   */
  inspect(
    image: ForeignImage,
    maxVirtualBytes: number,
    limits: RunLimits,
  ): Promise<Outcome<JudgedImage>>;

  /**
   * Inspects the image, then writes its disk into the qcow2 image `target`, with holes where the
   * disk is zero. Faults: as `inspect`; after a fault the target is not usable.
   */
  convert(
    image: ForeignImage,
    maxVirtualBytes: number,
    target: ConvertTarget,
    limits: RunLimits,
  ): Promise<Outcome<JudgedImage>>;
}
