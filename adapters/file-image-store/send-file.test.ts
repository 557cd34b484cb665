// Files that write themselves to a socket: complete and in order, ranges, slow readers, readers
// that disconnect, files that are shorter than announced.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { sendTo } from '#platform/http/self-sending.ts';
import { sendingItself } from './send-file.ts';

const sizeBytes = 5 * 1024 * 1024 + 123;

describe('a file that sends itself', () => {
  let folder = '';
  let path = '';
  const content = randomBytes(sizeBytes);
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cobalt-send-'));
    path = join(folder, 'file');
    await writeFile(path, content);
  });
  after(async () => await rm(folder, { recursive: true }));

  const opened = async (start = 0, end = sizeBytes - 1) => {
    const file = await open(path);
    return sendingItself(file.createReadStream({ start, end }), file, start, end);
  };
  const hash = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
  const collect = async (stream: AsyncIterable<Buffer>): Promise<Buffer> => {
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(Buffer.from(chunk));
    return Buffer.concat(chunks);
  };
  const throughSocket = async (
    start: number,
    end: number,
    read: (answer: IncomingMessage) => Promise<Buffer>,
  ): Promise<Buffer> => {
    const server: Server = createServer((_request, response) => {
      void opened(start, end).then(async (file) => {
        await file[sendTo](response);
        response.end();
        assert.ok(file.destroyed, 'the file is closed');
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    try {
      return await new Promise((resolve, reject) => {
        request(
          { host: '127.0.0.1', port: typeof address === 'object' && address ? address.port : 0 },
          (answer) => void read(answer).then(resolve, reject),
        )
          .on('error', reject)
          .end();
      });
    } finally {
      server.closeAllConnections();
      server.close();
    }
  };

  it('arrives whole and in order, several times at once', async () => {
    const all = await Promise.all(
      [1, 2, 3].map(async () => await throughSocket(0, sizeBytes - 1, collect)),
    );
    for (const bytes of all) assert.equal(hash(bytes), hash(content));
  });
  it('sends a range', async () => {
    assert.ok(
      (await throughSocket(1_000_000, 3_500_000, collect)).equals(
        content.subarray(1_000_000, 3_500_001),
      ),
    );
  });
  it('waits for a slow reader without mixing up its blocks', async () => {
    const slowly = async (answer: IncomingMessage): Promise<Buffer> => {
      const chunks: Buffer[] = [];
      for await (const chunk of answer as AsyncIterable<Buffer>) {
        chunks.push(Buffer.from(chunk));
        if (chunks.length % 8 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
      }
      return Buffer.concat(chunks);
    };
    assert.equal(hash(await throughSocket(0, sizeBytes - 1, slowly)), hash(content));
  });
  it('ends when the reader leaves', async () => {
    const destination = new PassThrough({ highWaterMark: 1024 });
    const file = await opened();
    const sending = file[sendTo](destination);
    destination.once('readable', () => destination.destroy());
    await sending;
    assert.ok(file.destroyed);
  });
  it('says so when the file is shorter than was promised', async () => {
    const destination = new PassThrough();
    destination.resume();
    const file = await opened(0, sizeBytes + 10);
    await assert.rejects(file[sendTo](destination), /ended after/);
    assert.ok(file.destroyed);
  });
  it('is an ordinary stream to everybody else', async () => {
    assert.equal(hash(await collect(await opened())), hash(content));
  });
});
