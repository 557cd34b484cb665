// What a hypervisor driver needs where QEMU opens images by a client that takes no lock (libnfs):
// the lock that QEMU would have taken, held on the filer in the guest's name. Driver:
// adapters/nfs/nlm-image-locks.ts, which passes `image-locks.testing.ts`.
import type { Outcome } from '#contracts/common/fault.ts';

/** An image on a share that a guest of this host may write to. */
export interface ImageLock {
  guest: string;
  volumeId: string;
  server: string;
  /** The exported path and the file in it, e.g. `/vol/volume-1`. */
  path: string;
}

/**
 * At most one guest on one host holds an image's lock. Meanwhile every other guest is refused, and
 * every QEMU that locks images itself, wherever it runs. A lock lasts until `release`, beyond the
 * death of this process and of the host. If the filer forgets it (it died), it is taken again as
 * soon as the filer answers; only in between could another guest take it, which is logged as an
 * error. Each lock is noted on the host before it is requested, so that `noted` returns it after a
 * crash at any point.
 */
export interface ImageLocks {
  /**
   * Does nothing if the same guest of this host holds it. conflict: another guest holds it, named
   * if the filer tells; notFound: no such image; unavailable, timeout: the filer does not answer; a
   * lock that was not held before is then given up.
   */
  hold(lock: ImageLock): Promise<Outcome<void>>;
  /**
   * Does nothing if it is not held. Also releases a lock without a note, as after the loss of this
   * host's notes. unavailable, timeout: the filer does not answer; the lock is then released once
   * it does.
   */
  release(lock: ImageLock): Promise<Outcome<void>>;
  /**
   * Ends the lock that the same guest holds from another host, which is fenced: it must not write
   * any more. Does nothing if there is none. unavailable, timeout: the filer does not answer.
   */
  breakOf(lock: ImageLock, otherHost: string): Promise<Outcome<void>>;
  /**
   * All locks that are held, are to be released, or were noted by an earlier process; the last kind
   * is left alone until `hold` or `release`.
   */
  noted(): Promise<ImageLock[]>;
  /** The locks stay. */
  close(): Promise<void>;
}
