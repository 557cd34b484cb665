// The HTTP server in front of an HttpHandler: Node's server, with bodies as streams. Every request,
// response and socket has an error handler; idle-sockets.ts closes connections without progress.
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerOptions, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex, Readable } from 'node:stream';
import { Readable as ReadableStream, pipeline } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { systemClock } from '../clock.ts';
import type { Log } from '../log.ts';
import { silentLog } from '../log.ts';
import { closeIdleSockets, defaultIdleTimeoutMs } from './idle-sockets.ts';
import type { ClientIdentity, HttpHandler, HttpMethod, RawReply } from './messages.ts';
import { JsonText } from './messages.ts';
import type { SelfSending } from './self-sending.ts';
import { isSelfSending, sendTo } from './self-sending.ts';
import { acceptUpgrades } from './upgrades.ts';

export interface HttpServer {
  port: number;
  /**
   * Accepts no more connections, lets requests in progress end for `graceMs` (0 by default), then
   * cuts them. Safe to repeat.
   */
  close(graceMs?: number): Promise<void>;
  /**
   * Uses this certificate for new connections, after the files have changed. Only for a server with
   * `tls`.
   */
  renewCertificate(tls: Certificate): void;
}

/** Certificate and private key as PEM texts. */
export interface Certificate {
  cert: string;
  key: string;
}

export interface PageReply {
  status: number;
  type: string;
  body: string | Buffer | Readable;
}

export interface HttpServerOptions {
  host: string;
  port: number;
  /**
   * Plain pages beside the APIs (metrics, console files), by the media types that a client accepts
   * and its address; undefined: the handler answers.
   */
  pages?: (
    path: string,
    query: string,
    accept: string,
    source: string,
  ) => Promise<PageReply | undefined>;
  /** Websocket upgrades (remote consoles). A path that is not listed is an ordinary request. */
  upgrades?: {
    paths: readonly string[];
    onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void>;
  };
  /**
   * Base URL of links in replies, e.g. that of a proxy in front; by default the address that the
   * client used.
   */
  origin?: string;
  /** Speaks TLS instead of plain HTTP. */
  tls?: Certificate;
  /**
   * With TLS: the authority (PEM) that signs client certificates. Clients without a certificate are
   * accepted, too.
   */
  clientAuthority?: string;
  /** Logs faults of connections and pages. */
  log?: Log;
  /**
   * After this long without progress a connection is closed, if the server waits for the client.
   */
  idleTimeoutMs?: number;
}

const keepAliveTimeoutMs = 75_000;
const headersTimeoutMs = 60_000;
const tcpProbeMs = 60_000;

interface Serving {
  handler: HttpHandler;
  options: HttpServerOptions;
  log: Log;
}

/**
 * Starts a server; resolves when it listens, and rejects if it cannot, e.g. because the port is in
 * use.
 */
export async function startHttpServer(
  handler: HttpHandler,
  options: HttpServerOptions,
): Promise<HttpServer> {
  const log = options.log ?? silentLog;
  const serving: Serving = { handler, options, log };
  // No limit on a whole request's time: image uploads may take hours. Small JSON bodies have a
  // deadline in read-json.ts.
  const limits = {
    keepAliveTimeout: keepAliveTimeoutMs,
    headersTimeout: headersTimeoutMs,
    requestTimeout: 0,
    keepAlive: true,
    keepAliveInitialDelay: tcpProbeMs,
  };
  // Only websockets on listed paths are upgraded. Anything else, such as `Upgrade: h2c`, stays an
  // ordinary request, so that it cannot bypass the handler.
  const shouldUpgradeCallback = ({ url = '/', headers }: IncomingMessage): boolean =>
    headers.upgrade?.toLowerCase() === 'websocket' &&
    (options.upgrades?.paths.includes(url.split('?', 1)[0] ?? '') ?? false);
  let isClosing = false;
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    // While closing: makes a client with a keep-alive connection turn to another process.
    if (isClosing) response.setHeader('connection', 'close');
    request.on('error', (error) => log.debug({ err: error }, 'request broke off'));
    response.on('error', (error) => log.debug({ err: error }, 'response broke off'));
    serve(serving, request, response).catch((error: unknown) => {
      log.error(
        { err: error, method: request.method, url: request.url },
        'request could not be answered',
      );
      refuse(response);
    });
  };
  const serverOptions: ServerOptions = { ...limits, shouldUpgradeCallback };
  const clients = options.clientAuthority
    ? { ca: options.clientAuthority, requestCert: true, rejectUnauthorized: false }
    : {};
  const tlsServer =
    options.tls && createTlsServer({ ...serverOptions, ...options.tls, ...clients }, answer);
  const server: Server = tlsServer ?? createServer(serverOptions, answer);
  closeIdleSockets(server, options.idleTimeoutMs ?? defaultIdleTimeoutMs);
  const closeUpgraded = options.upgrades
    ? acceptUpgrades(server, options.upgrades.onUpgrade, log)
    : () => undefined;
  await listen(server, options);
  // E.g. out of file descriptors: the server goes on listening.
  server.on('error', (error) => log.error({ err: error }, 'HTTP server'));
  return {
    port: (server.address() as AddressInfo).port, // an AddressInfo: it listens on TCP
    renewCertificate: (tls) => tlsServer?.setSecureContext(tls),
    async close(graceMs = 0) {
      isClosing = true;
      const closed = new Promise<void>((resolve) => void server.close(() => resolve()));
      closeUpgraded();
      if (graceMs > 0) {
        server.closeIdleConnections();
        const late = systemClock.sleep(graceMs, { unref: true });
        await Promise.race([closed, late]);
      }
      server.closeAllConnections();
      await closed;
    },
  };
}

async function listen(server: Server, { host, port }: HttpServerOptions): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
}

/** Answers a bug of the HTTP edge itself: 500, or a cut connection if headers were sent. */
function refuse(response: ServerResponse): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  for (const name of response.getHeaderNames()) response.removeHeader(name);
  const body = JSON.stringify({
    error: {
      code: 500,
      title: 'Internal Server Error',
      message: 'The request could not be answered.',
    },
  });
  response
    .writeHead(500, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      connection: 'close',
    })
    .end(body);
}

async function serve(
  { handler, options, log }: Serving,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { url = '/' } = request; // ASCII: Node refuses other bytes in a target
  const at = url.indexOf('?');
  const path = at < 0 ? url : url.slice(0, at);
  const query = at < 0 ? '' : url.slice(at + 1);
  const { pages } = options;
  const page =
    pages && (request.method === 'GET' || request.method === 'HEAD')
      ? await pages(
          path,
          query,
          request.headers.accept ?? '*/*',
          request.socket.remoteAddress ?? '',
        )
      : undefined;
  if (page) {
    sendBody(response, page.status, { 'content-type': page.type }, page.body, log);
    return;
  }
  const { headers } = request;
  const hasBody =
    headers['content-length'] !== undefined
      ? headers['content-length'] !== '0'
      : headers['transfer-encoding'] !== undefined;
  const reply = await handler.handle({
    method: request.method as HttpMethod, // the handler refuses unknown methods
    path,
    query,
    // Cast: only headers that Node gives as arrays (set-cookie) differ, and no handler reads those.
    headers: headers as Record<string, string | undefined>,
    body: hasBody ? { stream: request } : null,
    origin: options.origin ?? `${options.tls ? 'https' : 'http'}://${headers.host ?? 'localhost'}`,
    source: request.socket.remoteAddress,
    client: options.clientAuthority ? clientOf(request.socket as TLSSocket) : undefined,
  });
  if (response.writableEnded || response.destroyed) {
    discard(reply.body); // the client left, or got 408 for being idle
    return;
  }
  if (hasBody && !request.readableEnded) {
    // A long unread body is cut off by `drain`, so the client must not reuse this connection.
    reply.headers['connection'] = 'close';
    drain(request, response);
  }
  await send(request, response, reply, log);
}

/**
 * The client certificate's subject; undefined without a certificate, or with one of another
 * authority.
 */
function clientOf(socket: TLSSocket): ClientIdentity | undefined {
  if (!socket.authorized) return undefined;
  const { subject } = socket.getPeerCertificate();
  const { CN: name, O: organisations = [] } = subject as {
    CN?: string | string[];
    O?: string | string[];
  };
  // Without exactly one common name it is unclear whom the certificate names.
  return typeof name !== 'string' ? undefined : { name, groups: [organisations].flat() };
}

async function send(
  request: IncomingMessage,
  response: ServerResponse,
  { status, headers, body }: RawReply,
  log: Log,
): Promise<void> {
  if (body === undefined || status === 204) {
    if (status !== 204 && status !== 304) headers['content-length'] ??= '0';
    response.writeHead(status, headers).end();
  } else if (isSelfSending(body)) {
    await sendItself(body, response.writeHead(status, headers), request.method === 'HEAD', log);
  } else if (body instanceof ReadableStream || Buffer.isBuffer(body)) {
    sendBody(response, status, headers, body, log);
  } else {
    headers['content-type'] ??= 'application/json';
    sendBody(
      response,
      status,
      headers,
      // As bytes: Node copies a long string together with the headers, which takes far longer.
      body instanceof JsonText ? body.bytes : Buffer.from(JSON.stringify(body)),
      log,
    );
  }
}

function sendBody(
  response: ServerResponse,
  status: number,
  headers: Record<string, string>,
  body: string | Buffer | Readable,
  log: Log,
): void {
  if (!(body instanceof ReadableStream)) {
    headers['content-length'] = String(Buffer.byteLength(body));
    // For HEAD, Node omits the body by itself.
    response.writeHead(status, headers).end(body);
    return;
  }
  response.writeHead(status, headers);
  if (response.req.method === 'HEAD') {
    discard(body);
    response.end();
    return;
  }
  pipeline(body, response, (error) => {
    // `pipeline` has cut the connection, since the announced length can no longer be sent.
    if (error) log.debug({ err: error }, 'answer broke off');
  });
}

function discard(body: RawReply['body']): void {
  if (!(body instanceof ReadableStream)) return;
  body.on('error', () => undefined); // nobody reads it any more
  body.destroy();
}

/**
 * Lets the body write itself. It stops when the client closes the connection. If its bytes cannot
 * be read the connection is cut, since the length was announced.
 */
async function sendItself(
  body: SelfSending,
  response: ServerResponse,
  headOnly: boolean,
  log: Log,
): Promise<void> {
  if (headOnly) {
    discard(body);
    response.end();
    return;
  }
  try {
    await body[sendTo](response);
    response.end();
  } catch (error) {
    log.warn({ err: error }, 'answer broke off');
    response.destroy();
  }
}

// For a handler that refused without reading the body: up to this many bytes of the rest are read
// and dropped, so that the client sees the reply; beyond that the connection is cut.
const drainMaxBytes = 1024 * 1024;
function drain(stream: Readable, response: ServerResponse): void {
  let rest = 0;
  stream.on('data', (chunk: Buffer) => {
    rest += chunk.length;
    if (rest > drainMaxBytes) {
      stream.pause();
      response.once('finish', () => stream.destroy());
    }
  });
}
