// What a hypervisor driver needs where QEMU opens images by a client that takes no lock (libnfs):
// the lock that QEMU would have taken, held on the filer in the guest's name. Driver:
// adapters/nfs/nlm-image-locks.ts. Every driver passes `image-locks.testing.ts`.
import type { Outcome } from '#contracts/common/fault.ts';

/** An image on a share that a guest of this host may write. */
export interface ImageLock {
  guest: string;
  volumeId: string;
  server: string;
  /** The exported path and the file in it, e.g. `/vol/volume-1`. */
  path: string;
}

/**
 * At most one guest on one host holds an image. Meanwhile every other is refused, and every QEMU
 * that locks images itself, wherever it runs. A lock lasts until `release`: over the death of this
 * process and of the host. Where the filer forgets it (it died), it is taken again as soon as the
 * filer answers; in between, and only then, another could come first: that is logged as an error.
 * What may be held is noted on the host before it is asked for, so that `noted` knows of it after a
 * crash at any point.
 */
export interface ImageLocks {
  /**
   * Held already by the same guest of this host is fine. conflict: another holds it, named where
   * the filer says who; notFound: no such image; unavailable, timeout: the filer gives no answer,
   * then a lock that was not held before is given up.
   */
  hold(lock: ImageLock): Promise<Outcome<void>>;
  /**
   * Not held is fine; what is not noted may be held by a host of this name that lost its notes.
   * unavailable, timeout: the filer gives no answer; the lock is released by itself once it does.
   */
  release(lock: ImageLock): Promise<Outcome<void>>;
  /**
   * All that is held, is to be released, or was noted by a process before this one: of the last
   * kind nothing is done until it is told.
   */
  noted(): Promise<ImageLock[]>;
  /** Locks stay. */
  close(): Promise<void>;
}
