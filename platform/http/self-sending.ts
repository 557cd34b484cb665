// Streams that write themselves to a socket faster than piping does. For other readers they are
// ordinary streams. Created by stores of large files and by watches of our Kubernetes API; the HTTP
// server (server.ts) and the in-process Kubernetes client call `sendTo`.
import { Readable } from 'node:stream';
import type { Writable } from 'node:stream';

export const sendTo = Symbol('sendTo');

export interface SelfSending extends Readable {
  /**
   * Writes all bytes in order, with backpressure, and leaves the destination open. Resolves early
   * when the destination closes. Rejects when the bytes cannot be read.
   */
  [sendTo](destination: Writable): Promise<void>;
}

export function isSelfSending(body: unknown): body is SelfSending {
  return body instanceof Readable && sendTo in body;
}
