// A browser's websocket to a console: whatever either side does, the other side is closed and the
// process survives.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { WebSocket } from 'ws';
import { fault } from '#contracts/common/fault.ts';
import { systemClock } from '#platform/clock.ts';
import { connectRaw } from '#platform/http/raw-socket.testing.ts';
import type { HttpServer } from '#platform/http/server.ts';
import { startHttpServer } from '#platform/http/server.ts';
import { silentLog } from '#platform/log.ts';
import { eventually } from '#platform/testing/eventually.ts';
import { consolePage, consoleSocketPath, createConsoleProxy } from './console-proxy.ts';

let dir: string;
let server: HttpServer;
let guest: net.Server;
const guests = new Set<net.Socket>();
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'cobalt-console-'));
  guest = net.createServer((socket) => {
    guests.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => guests.delete(socket));
    socket.write('RFB 003.008\n');
  });
  guest.listen(join(dir, 'rfb'));
  await once(guest, 'listening');
  const onUpgrade = createConsoleProxy({
    clock: systemClock,
    log: silentLog,
    target: async (token) => {
      if (token === 'bug') throw new Error('a bug');
      return token === 'good'
        ? { socketPath: join(dir, 'rfb') }
        : token === 'gone'
          ? { socketPath: join(dir, 'gone') }
          : fault('unauthorized', 'no such token');
    },
  });
  server = await startHttpServer(
    { handle: async () => ({ status: 404, headers: {}, body: undefined }) },
    {
      host: '127.0.0.1',
      port: 0,
      pages: consolePage,
      upgrades: { paths: [consoleSocketPath], onUpgrade },
    },
  );
});
after(async () => {
  await server.close();
  for (const socket of guests) socket.destroy();
  guest.close();
  await rm(dir, { recursive: true });
});

let received = '';
const open = async (token: string): Promise<WebSocket> => {
  const browser = new WebSocket(
    `ws://127.0.0.1:${server.port}${consoleSocketPath}?token=${token}`,
    'binary',
  );
  browser.on('error', () => undefined); // no failure: the test checks the readyState
  browser.on('message', (data: Buffer) => (received += data.toString()));
  await eventually(() => browser.readyState !== WebSocket.CONNECTING, {
    withinMs: 5_000,
    what: 'an answer to the upgrade',
  });
  return browser;
};

describe('a console', () => {
  it('carries what the guest shows, and what the browser sends', async () => {
    const browser = await open('good');
    await eventually(() => received === 'RFB 003.008\n', {
      withinMs: 5_000,
      what: 'the greeting of the guest',
    });
    const [socket] = guests;
    assert.ok(socket);
    const answer = once(socket, 'data');
    browser.send(Buffer.from('RFB 003.007\n'));
    assert.equal(String((await answer)[0]), 'RFB 003.007\n');
    browser.close();
    await eventually(() => guests.size === 0, { withinMs: 5_000, what: 'the guest is left' });
  });
  it('is closed when its guest goes, resets, or is not there', async () => {
    for (const end of [
      (socket: net.Socket) => socket.end(),
      (socket: net.Socket) => socket.destroy(),
    ]) {
      const browser = await open('good');
      await eventually(() => guests.size === 1, { withinMs: 5_000, what: 'the guest is reached' });
      for (const socket of guests) end(socket);
      await eventually(() => browser.readyState === WebSocket.CLOSED, {
        withinMs: 5_000,
        what: 'the browser is told',
      });
    }
    const browser = await open('gone');
    await eventually(() => browser.readyState === WebSocket.CLOSED, {
      withinMs: 5_000,
      what: 'there is no guest',
    });
  });
  it('is refused without a good token, and by a bug', async () => {
    for (const token of ['bad', 'bug', '%ff'])
      assert.notEqual((await open(token)).readyState, WebSocket.OPEN, token);
  });
  it('whose browser resets at any moment harms nobody', async () => {
    const upgrade = (token: string): string =>
      `GET ${consoleSocketPath}?token=${token} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`;
    for (let count = 0; count < 60; count += 1) {
      const socket = await connectRaw(server.port);
      socket.write(upgrade(['good', 'bad', 'gone', 'bug'][count % 4] ?? ''));
      for (let turns = count % 5; turns > 0; turns -= 1) await new Promise(setImmediate);
      socket.reset();
    }
    await eventually(() => guests.size === 0, { withinMs: 5_000, what: 'no guest is held' });
    assert.equal((await open('good')).readyState, WebSocket.OPEN);
  });
  it('has pages by plain names only', async () => {
    assert.equal((await consolePage('/console/vnc.html'))?.status, 200);
    for (const path of [
      '/console/%',
      '/console/%2e%2e/package.json',
      '/console/../../package.json',
      '/console/novnc/../../package.json',
      '/console/x.constructor',
      '/console/novnc/x.toString',
    ])
      assert.equal(await consolePage(path), undefined, path);
  });
});
