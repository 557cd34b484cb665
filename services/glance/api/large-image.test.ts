// Uploads and downloads 2 GiB over a socket while memory grows by no more than buffers.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { startHttpServer } from '#platform/http/server.ts';
import { startGlance } from './glance.testing.ts';

const size = 2 ** 31;
// Buffers for both directions of client and server, which share this process, and garbage.
const maxGrowthBytes = 256 * 1024 * 1024;

test('2 GiB are taken and given in constant memory', { timeout: 120_000 }, async (t) => {
  const glance = await startGlance();
  const server = await startHttpServer(glance.dispatcher, { host: '127.0.0.1', port: 0 });
  t.after(async () => {
    await server.close();
    await glance.close();
  });
  const {
    body: { id },
  } = await glance.ask('ann', 'POST', '/images', { disk_format: 'raw', container_format: 'bare' });
  const before = process.memoryUsage.rss();
  let most = before;
  const watch = setInterval(() => (most = Math.max(most, process.memoryUsage.rss())), 20);
  const block = Buffer.alloc(2 ** 20, 7);
  const call = (method: string, headers: Record<string, string>) =>
    httpRequest({
      port: server.port,
      host: '127.0.0.1',
      method,
      path: `/image/v2/images/${id}/file`,
      headers: { 'x-auth-token': 'ann', ...headers },
    });

  const put = call('PUT', {
    'content-type': 'application/octet-stream',
    'transfer-encoding': 'chunked',
  });
  Readable.from(
    (function* () {
      for (let sent = 0; sent < size; sent += block.length) yield block;
    })(),
  ).pipe(put);
  const [stored] = (await once(put, 'response')) as [IncomingMessage];
  assert.equal(stored.statusCode, 204);
  const { body } = await glance.ask('ann', 'GET', `/images/${id}`);
  assert.deepEqual([body.status, body.size], ['active', size]);

  const get = call('GET', {});
  get.end();
  const [data] = (await once(get, 'response')) as [IncomingMessage];
  let got = 0;
  data.on('data', (chunk: Buffer) => (got += chunk.length));
  await once(data, 'end');
  clearInterval(watch);
  assert.equal(got, size);
  t.diagnostic(`grew by ${Math.round((most - before) / 2 ** 20)} MiB at most`);
  assert.ok(most - before < maxGrowthBytes, `grew by ${most - before} bytes`);
});
