// A worker thread that hashes blocks of shared memory for several uploads at once. Started only by
// hash-threads.ts, which has its types. JavaScript, since for TypeScript each thread would load its
// own type stripper, 40 ms and 15 MB.
import { createHash } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';

const begin = () => ({ hash: createHash(workerData.algorithm), blocks: [] });
/** @type {Map<number, { hash: import('node:crypto').Hash, blocks: Uint8Array[] }>} */
const uploads = new Map();

parentPort?.on('message', ({ seq, upload: id, block, length, memory }) => {
  const upload = uploads.get(id) ?? begin();
  if (block === undefined) {
    uploads.delete(id);
    parentPort?.postMessage({ seq, digest: upload.hash.digest('hex') });
    return;
  }
  uploads.set(id, upload);
  if (memory) upload.blocks[block] = new Uint8Array(memory);
  upload.hash.update(upload.blocks[block].subarray(0, length));
  parentPort?.postMessage({ seq, digest: null });
});
