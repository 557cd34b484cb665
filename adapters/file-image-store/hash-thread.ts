// A worker thread that hashes blocks of shared memory for several uploads at once. Started by hash-threads.ts alone.
import { createHash, type Hash } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';

/** What the thread is told. `block` answers when the memory may be used again, `end` with the digest in hex. */
export type HashOrder =
  | { seq: number; do: 'block'; upload: number; memory: SharedArrayBuffer; length: number }
  | { seq: number; do: 'end'; upload: number };
export interface HashAnswer {
  seq: number;
  digest: string | null;
}

const { algorithm } = workerData as { algorithm: string }; // given by hash-threads.ts
const hashes = new Map<number, Hash>();

parentPort?.on('message', (order: HashOrder) => {
  const hash = hashes.get(order.upload) ?? createHash(algorithm);
  if (order.do === 'block') {
    hashes.set(order.upload, hash.update(new Uint8Array(order.memory, 0, order.length)));
    parentPort?.postMessage({ seq: order.seq, digest: null } satisfies HashAnswer);
    return;
  }
  hashes.delete(order.upload);
  parentPort?.postMessage({ seq: order.seq, digest: hash.digest('hex') } satisfies HashAnswer);
});
