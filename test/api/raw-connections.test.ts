// Connections that end as no client should end them: resets, partial requests, upgrades, invalid
// bytes. The control plane goes on answering and leaks no socket. `FUZZ_CONNECTIONS=20000 ./cobalt
// test raw-connections --no-checks` is the long run.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { consoleSocketPath, createConsoleProxy } from '#compose/console-proxy.ts';
import { fault } from '#contracts/common/fault.ts';
import { systemClock } from '#platform/clock.ts';
import { connectRaw } from '#platform/http/raw-socket.testing.ts';
import type { HttpServer } from '#platform/http/server.ts';
import { startHttpServer } from '#platform/http/server.ts';
import { silentLog } from '#platform/log.ts';
import { eventually } from '#platform/testing/eventually.ts';
import type { ApiCloud } from './api-cloud.ts';
import { startApiCloud } from './api-cloud.ts';
import { Random } from './hostile/random.ts';

const connections = Number(process.env['FUZZ_CONNECTIONS'] ?? 1_500);
const atOnce = 50;

let cloud: ApiCloud;
let server: HttpServer;
before(async () => {
  cloud = await startApiCloud();
  const onUpgrade = createConsoleProxy({
    clock: systemClock,
    log: silentLog,
    target: async (token) =>
      token === 'good'
        ? { socketPath: '/nonexistent/console.sock' }
        : fault('unauthorized', 'no such token'),
  });
  server = await startHttpServer(cloud.plane.dispatcher, {
    host: '127.0.0.1',
    port: 0,
    idleTimeoutMs: 2_000,
    upgrades: { paths: [consoleSocketPath], onUpgrade },
  });
});
after(async () => {
  await server.close();
  await cloud.stop();
});

const websocket =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n';
const paths = [
  '/compute/v2.1/servers',
  '/identity/v3',
  '/image/v2/images',
  '/network/v2.0/ports',
  '/nowhere',
  consoleSocketPath,
  `${consoleSocketPath}?token=good`,
  `${consoleSocketPath}?token=%ff`,
  '*',
  '//',
  '/%',
];

function beginning(random: Random): Buffer {
  const path = random.pick(paths);
  const token = random.chance(0.5) ? `X-Auth-Token: ${cloud.alice.token}\r\n` : '';
  const get = `GET ${path} HTTP/1.1\r\nHost: a\r\n${token}\r\n`;
  switch (random.below(12)) {
    case 0:
      return Buffer.from(get.slice(0, random.below(get.length)));
    case 1:
      return Buffer.from(get);
    case 2:
      return Buffer.from(get.repeat(1 + random.below(20)));
    case 3:
      return Buffer.from(`GET ${path} HTTP/1.1\r\nHost: a\r\n${websocket}\r\n`);
    case 4:
      return Buffer.concat([
        Buffer.from(`GET ${consoleSocketPath}?token=good HTTP/1.1\r\nHost: a\r\n${websocket}\r\n`),
        Buffer.from([0x82, 0xff, 0xff, 0xff, 0xff]),
      ]);
    case 5:
      return Buffer.from(
        `POST ${path} HTTP/1.1\r\nHost: a\r\n${token}Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"server":`,
      );
    case 6:
      return Buffer.from(
        `POST ${path} HTTP/1.1\r\nHost: a\r\n${token}Transfer-Encoding: chunked\r\n\r\n5\r\nab`,
      );
    case 7:
      return Buffer.from(
        `PUT /image/v2/images/${cloud.imageId}/file HTTP/1.1\r\nHost: a\r\n${token}Content-Type: application/octet-stream\r\nContent-Length: 1000000\r\n\r\nbytes`,
      );
    case 8:
      return Buffer.from(Array.from({ length: 200 }, () => random.below(256)));
    case 9:
      return Buffer.from(`GET / HTTP/1.1\r\n${'A: b\r\n'.repeat(4_000)}`);
    case 10:
      return Buffer.from(`CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n`);
    default:
      return Buffer.from(`PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`);
  }
}

describe('raw connections', () => {
  it(`(${connections}) end themselves and nothing else`, async () => {
    const random = new Random(Number(process.env['FUZZ_SEED'] ?? 1));
    for (let sent = 0; sent < connections; sent += atOnce) {
      await Promise.all(
        Array.from({ length: Math.min(atOnce, connections - sent) }, async () => {
          const socket = await connectRaw(server.port);
          socket.write(beginning(random));
          if (random.chance(0.5)) await new Promise(setImmediate);
          if (random.chance(0.9)) socket.reset();
          else socket.end();
        }),
      );
      if (sent % 1_000 === 0)
        assert.equal(
          (
            await fetch(`http://127.0.0.1:${server.port}/image/v2/images`, {
              headers: { 'x-auth-token': cloud.alice.token },
            })
          ).status,
          200,
        );
    }
    const sockets = (): number =>
      process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length;
    // Kept-alive connections of `fetch` may remain; each counts twice, once at either end.
    await eventually(() => sockets() <= 4, { withinMs: 30_000, what: `no socket is left` });
  });
});
