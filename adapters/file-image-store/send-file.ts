// Writes a file into a socket through a few blocks of memory that are reused. A read stream
// allocates each chunk, and at a gigabyte a second most of the time goes into new pages: 0.7 GB/s
// with blocks against 0.5 with a stream, measured side by side.
import type { FileHandle } from 'node:fs/promises';
import type { Readable, Writable } from 'node:stream';
import type { SelfSending } from '#platform/http/self-sending.ts';
import { sendTo } from '#platform/http/self-sending.ts';

const blockBytes = 1024 * 1024;
// One block is filled while another is sent; the third is needed when they swap.
const blockCount = 3;
// Blocks of finished downloads, kept for reuse: enough for two concurrent downloads.
const spare: Buffer[] = [];
const maxSpare = 2 * blockCount;

/** Adds `sendTo` to the stream of an open file. `start` and `end` (inclusive) as for the stream. */
export function sendingItself(
  stream: Readable,
  file: FileHandle,
  start: number,
  end: number,
): SelfSending {
  return Object.assign(stream, {
    [sendTo]: async (destination: Writable): Promise<void> => {
      try {
        await sendFile(file, start, end, destination);
      } finally {
        stream.destroy(); // closes the file
      }
    },
  });
}

async function sendFile(
  file: FileHandle,
  start: number,
  end: number,
  destination: Writable,
): Promise<void> {
  const free: Buffer[] = Array.from(
    { length: blockCount },
    () => spare.pop() ?? Buffer.allocUnsafeSlow(blockBytes),
  );
  let wake: () => void = () => undefined;
  let inFlight = 0;
  let failure: Error | undefined;
  const closed = (): void => wake();
  destination.once('close', closed);
  const until = async (ready: () => boolean): Promise<void> => {
    while (!ready()) await new Promise<void>((resolve) => (wake = resolve));
  };
  const isClosed = (): boolean =>
    failure !== undefined || destination.destroyed || destination.closed;
  try {
    for (let at = start; at <= end && !isClosed();) {
      await until(() => free.length > 0 || isClosed());
      const block = free.pop();
      if (!block) break;
      const { bytesRead } = await file.read(block, 0, Math.min(blockBytes, end - at + 1), at);
      if (bytesRead === 0) throw new Error(`the file ended after ${at} of ${end + 1} bytes`);
      at += bytesRead;
      inFlight += 1;
      destination.write(block.subarray(0, bytesRead), (error) => {
        inFlight -= 1;
        if (error) failure = error; // the reader disconnected: nobody gets the error
        free.push(block);
        wake();
      });
    }
    await until(() => inFlight === 0 || isClosed());
  } finally {
    destination.off('close', closed);
    // Only if the socket has sent everything: a block that it may still read must not be reused.
    while (inFlight === 0 && free.length > 0 && spare.length < maxSpare)
      spare.push(free.pop() as Buffer);
  }
}
