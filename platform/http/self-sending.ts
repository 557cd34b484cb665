// Streams that can write themselves into a socket faster than by piping chunks. For any other
// reader they are ordinary streams. Created by stores of large files, used by server.ts.
import { Readable } from 'node:stream';
import type { Writable } from 'node:stream';

export const sendTo = Symbol('sendTo');

export interface SelfSending extends Readable {
  /**
   * Writes all bytes in order, with backpressure; does not end the destination. Resolves early when
   * the destination closes. Rejects when the bytes cannot be read.
   */
  [sendTo](destination: Writable): Promise<void>;
}

export function isSelfSending(body: unknown): body is SelfSending {
  return body instanceof Readable && sendTo in body;
}
