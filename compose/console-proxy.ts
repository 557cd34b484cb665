// Remote consoles: serves noVNC's pages and forwards a browser's websocket to the guest's RFB (VNC)
// socket. Used by embedded.ts and listen.ts.
import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { dirname, join, normalize } from 'node:path';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { WebSocketServer } from 'ws';
import type { RawData, WebSocket } from 'ws';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import { own } from '#contracts/common/own.ts';
import type { Clock } from '#platform/clock.ts';
import { withDeadline } from '#platform/clock.ts';
import type { Log } from '#platform/log.ts';

export const consolePath = '/console';
export const consoleSocketPath = `${consolePath}/websockify`;
// Limit on data buffered for a slow browser; beyond it the connection is closed, to protect memory.
const maxBufferedBytes = 8 * 1024 * 1024;
const targetDeadlineMs = 30_000;

const types: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript',
  css: 'text/css',
  svg: 'image/svg+xml',
  png: 'image/png',
  json: 'application/json',
  ico: 'image/x-icon',
};
// Two levels up from <package>/core/rfb.js, the package's only export.
const novncDir = dirname(dirname(fileURLToPath(import.meta.resolve('@novnc/novnc'))));
const ownPage = join(import.meta.dirname, 'console-page.html');

/** The console page, and noVNC's files below `novnc/`; undefined for any other path. */
export async function consolePage(
  path: string,
): Promise<{ status: number; type: string; body: Buffer } | undefined> {
  if (!path.startsWith(`${consolePath}/`)) return undefined;
  // The path is used undecoded: all files have plain names, so an encoded name matches none.
  const name = normalize(path.slice(consolePath.length + 1));
  const type = own(types, name.split('.').pop() ?? '');
  if (name.startsWith('..') || !type) return undefined;
  const file =
    name === 'vnc.html'
      ? ownPage
      : name.startsWith('novnc/')
        ? join(novncDir, name.slice('novnc/'.length))
        : undefined;
  const body = file === undefined ? undefined : await readFile(file).catch(() => undefined);
  return body && { status: 200, type, body };
}

/**
 * Answers `/console/server?token=…` with the name of the server that the token opens, for the
 * page's title; undefined for any other path.
 */
export async function consoleServer(
  path: string,
  query: string,
  target: (token: string) => Promise<Outcome<{ serverName: string }>>,
): Promise<{ status: number; type: string; body: string } | undefined> {
  if (path !== `${consolePath}/server`) return undefined;
  const consoleTarget = await target(new URLSearchParams(query).get('token') ?? '');
  const reply = isFault(consoleTarget)
    ? { status: 401, body: { message: consoleTarget.message } }
    : { status: 200, body: { name: consoleTarget.serverName } };
  return { status: reply.status, type: 'application/json', body: JSON.stringify(reply.body) };
}

export function createConsoleProxy(deps: {
  target(token: string): Promise<Outcome<{ socketPath: string }>>;
  clock: Clock;
  log: Log;
}) {
  const server = new WebSocketServer({
    noServer: true,
    handleProtocols: (offered) => (offered.has('binary') ? 'binary' : false),
    maxPayload: maxBufferedBytes,
  });
  return async (request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
    // The path was checked already, against the server's list of upgrade paths (upgrades.ts).
    const token = new URLSearchParams(request.url?.split('?')[1]).get('token') ?? '';
    const target = await withDeadline(
      deps.target(token),
      targetDeadlineMs,
      () => fault('timeout', 'The console was not found in time.'),
      deps.clock,
    );
    if (isFault(target)) {
      socket.end(
        `HTTP/1.1 ${target.kind === 'timeout' ? '504 Gateway Timeout' : '401 Unauthorized'}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
      );
      return;
    }
    if (!socket.destroyed)
      server.handleUpgrade(request, socket, head, (browser) =>
        carry(browser, target.socketPath, deps.log),
      );
  };
}

function carry(browser: WebSocket, path: string, log: Log): void {
  const guest = connect(path);
  const end = (): void => {
    guest.destroy();
    browser.close();
  };
  guest.on('data', (chunk) => {
    browser.send(chunk, { binary: true });
    if (browser.bufferedAmount > maxBufferedBytes) end();
  });
  guest.on('error', (error) => {
    log.warn({ err: error }, 'console ended');
    end();
  });
  guest.on('close', end);
  browser.on('message', (data: RawData) => {
    guest.write(Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as Buffer));
    if (guest.writableLength > maxBufferedBytes) end();
  });
  browser.on('error', end);
  browser.on('close', () => guest.destroy());
}
