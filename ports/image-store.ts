// Where the bytes of images lie. Glance calls it; the driver is named by compose
// (adapters/file-image-store). Contract suite: image-store.testing.ts.
import type { Readable } from 'node:stream';
import type { Outcome } from '#contracts/common/fault.ts';

/** What was written, measured while it passed. */
export interface StoredData {
  sizeBytes: number;
  /** Hex digests of all bytes. */
  md5: string;
  sha512: string;
}

export interface StoredFile {
  key: string;
  sizeBytes: number;
  /** false: a write that has not ended, or never will because its process died. */
  whole: boolean;
}

export interface WriteLimits {
  maxBytes: number;
  /** A source that gives nothing for so long is given up. */
  stallMs: number;
}

/** Bytes from `first` to `last`, both included, as in HTTP. */
export interface ByteRange {
  first: number;
  last: number;
}

/**
 * Keys are chosen by the caller, `[A-Za-z0-9_-]{1,128}`, and used for one write ever: what stands
 * under a key never changes. A key has all the bytes of its write or none, also after a power
 * failure.
 */
export interface ImageStore {
  /**
   * Reads the source to its end in constant memory; durable when it resolves. On any fault nothing
   * stays under the key. tooLarge: more than maxBytes, or no room on the disk. timeout: the source
   * stalled. badRequest: the source broke off. gone: the key was removed meanwhile. The source is
   * not destroyed, so that its connection can still carry an answer.
   */
  write(key: string, source: Readable, limits: WriteLimits): Promise<Outcome<StoredData>>;
  /**
   * The bytes, or a range of them which must lie inside. notFound: there is no whole file. Destroy
   * the stream to stop early.
   */
  read(key: string, range?: ByteRange): Promise<Outcome<Readable>>;
  /** Removes the file and what is left of an unfinished write. Idempotent. */
  remove(key: string): Promise<void>;
  /** Everything there is, unfinished writes too. */
  list(): Promise<StoredFile[]>;
  /** Ends helpers that idle. A later write starts them again. */
  close(): Promise<void>;
}
