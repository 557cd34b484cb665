// Where the data of images is stored. Called by Glance. Drivers: adapters/file-image-store, and
// adapters/sim for simulations. Contract suite: image-store.testing.ts.
import type { Readable } from 'node:stream';
import type { Outcome } from '#contracts/common/fault.ts';

/** Size and digests of the written data, computed while it was written. */
export interface StoredData {
  sizeBytes: number;
  /** Hex digests of all bytes. */
  md5: string;
  sha512: string;
}

export interface StoredFile {
  key: string;
  sizeBytes: number;
  /**
   * Whether the data are complete: false for an unfinished write, which is in progress or was
   * interrupted by the death of its process.
   */
  whole: boolean;
}

export interface WriteLimits {
  maxBytes: number;
  /** The write fails with `timeout` when the source sends nothing for this long. */
  stallMs: number;
}

/** Bytes from `first` to `last`, both included, as in HTTP. */
export interface ByteRange {
  first: number;
  last: number;
}

/**
 * The data of images, by key. Keys are chosen by the caller, `[A-Za-z0-9_-]{1,128}`, and written at
 * most once: the data of a key never change. A key has all the bytes of its write or none, also
 * after a power failure.
 */
export interface ImageStore {
  /**
   * Reads the source to its end in constant memory; the data are durable when this resolves. After
   * any fault nothing is stored under the key. tooLarge: more than maxBytes, or no space on the
   * disk. timeout: the source stalled. badRequest: the source ended early. gone: the key was
   * removed meanwhile. The source is not destroyed, so that its connection can still carry a
   * response.
   */
  write(key: string, source: Readable, limits: WriteLimits): Promise<Outcome<StoredData>>;
  /**
   * Opens the data, or a range that must lie within them. notFound: there are no complete data.
   * Destroy the stream to stop reading early.
   */
  read(key: string, range?: ByteRange): Promise<Outcome<Readable>>;
  /** Removes the data of the key, or of an unfinished write. Idempotent. */
  remove(key: string): Promise<void>;
  /** Every key, unfinished writes included. */
  list(): Promise<StoredFile[]>;
  /** Ends idle helper threads. A later write starts them again. */
  close(): Promise<void>;
}
