// Locks on volume images for a hypervisor driver whose QEMU opens images by a client without locks
// (libnfs): the lock that QEMU would have taken is held on the filer in the guest's name. Driver:
// adapters/nfs/nlm-image-locks.ts. Contract suite: image-locks.testing.ts.
import type { Outcome } from '#contracts/common/fault.ts';

/** An image on a share that a guest of this host may write to. */
export interface ImageLock {
  guest: string;
  volumeId: string;
  server: string;
  /** The exported path and the file below it, e.g. `/vol/volume-1`. */
  path: string;
}

/**
 * The image locks of one host. At most one guest on one host holds an image's lock. While it does,
 * every other guest and every QEMU that locks its images is refused, on any host. A lock lasts
 * until `release`, and outlives this process and this host. When the filer loses its locks by a
 * restart, the driver takes them again as soon as it answers; if another guest has taken a lock in
 * between, that is logged as an error. Each lock is noted on the host's disk before it is
 * requested, so that `noted` returns it after a crash at any point.
 */
export interface ImageLocks {
  /**
   * Takes the lock. Does nothing if the same guest of this host holds it. conflict: another guest
   * holds it, named if the filer tells; notFound: no such image; unavailable, timeout: the filer
   * does not answer; a lock that was not held before will then not be held.
   */
  hold(lock: ImageLock): Promise<Outcome<void>>;
  /**
   * Releases the lock. Does nothing if it is not held. Also works without a note, e.g. after the
   * loss of this host's notes. unavailable, timeout: the filer does not answer; the driver then
   * releases the lock once the filer does.
   */
  release(lock: ImageLock): Promise<Outcome<void>>;
  /**
   * Breaks the lock that the same guest holds from another host. That host must be fenced, so that
   * it cannot write any more. Does nothing if there is no such lock. unavailable, timeout: the
   * filer does not answer.
   */
  breakOf(lock: ImageLock, otherHost: string): Promise<Outcome<void>>;
  /**
   * All noted locks: held ones, those still to be released, and those noted by an earlier process.
   * The last kind is not touched until `hold` or `release` is called for it.
   */
  noted(): Promise<ImageLock[]>;
  /** Ends the driver; the locks stay on the filer. */
  close(): Promise<void>;
}
