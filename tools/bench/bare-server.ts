// The yardstick for HTTP: a server of node:http only, in a process of its own like the control
// plane. Started by yardsticks.ts; it listens on a free port, reports the port over IPC, and
// receives from there the JSON to answer with.
import { createReadStream, createWriteStream } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import type { Json } from '#contracts/common/json.ts';

/** A message from the parent process: the answer to GET from now on. */
export interface AnswerMessage {
  answer: Json;
}

const file = process.argv[2] ?? '';
let answer: Json = null;

const server = createServer((request, response) => {
  if (request.url !== '/file') {
    const bytes = Buffer.from(JSON.stringify(answer));
    response.writeHead(200, {
      'content-type': 'application/json',
      'content-length': bytes.length,
    });
    response.end(bytes);
  } else {
    const copied =
      request.method === 'PUT'
        ? pipeline(request, createWriteStream(file, { flush: true })).then(() =>
            response.writeHead(204).end(),
          )
        : pipeline(createReadStream(file, { highWaterMark: 1024 * 1024 }), response);
    copied.catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
  }
});
server.listen(0, '127.0.0.1', () =>
  process.send?.({ port: (server.address() as AddressInfo).port }),
); // cast above: the server listens on TCP
process.on('message', (message: AnswerMessage) => {
  ({ answer } = message);
  process.send?.({ answers: true });
});
process.on('disconnect', () => process.exit());
