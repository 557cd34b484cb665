// The socket in front of the dispatcher: Fastify with one catch-all route, bodies left as streams.
import Fastify from 'fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { Readable } from 'node:stream';
import type { HttpMethod } from '#platform/http/api.ts';
import type { SelfSending } from '#platform/http/self-sending.ts';
import { isSelfSending, sendTo } from '#platform/http/self-sending.ts';
import { JsonText } from '#platform/http/api.ts';
import type { Dispatcher } from '#platform/http/dispatcher.ts';

export interface HttpServer {
  port: number;
  close(): Promise<void>;
}

export interface HttpServerOptions {
  host: string;
  port: number;
  /** Plain pages beside the APIs (metrics, console files); undefined lets the dispatcher answer. */
  pages?: (path: string, query: string) => Promise<{ status: number; type: string; body: string | Buffer | Readable } | undefined>;
  /** Websocket upgrades (remote consoles). */
  onUpgrade?: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
}

export async function startHttpServer(dispatcher: Dispatcher, options: HttpServerOptions): Promise<HttpServer> {
  const app = Fastify({
    logger: false, exposeHeadRoutes: false, forceCloseConnections: true, keepAliveTimeout: 75_000,
    requestTimeout: 0, // image uploads may take long; handlers have their own deadlines
    routerOptions: { maxParamLength: 8192 },
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
  const { pages } = options;
  app.route({
    method: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    url: '/*',
    handler: async (request, reply) => {
      const at = request.url.indexOf('?');
      const path = at < 0 ? request.url : request.url.slice(0, at);
      const query = at < 0 ? '' : request.url.slice(at + 1);
      const page = pages && (request.method === 'GET' || request.method === 'HEAD') ? await pages(path, query) : undefined;
      if (page) return await reply.code(page.status).header('content-type', page.type).send(page.body);
      return await answer(dispatcher, request, reply, path, query);
    },
  });
  if (options.onUpgrade) app.server.on('upgrade', options.onUpgrade);
  await app.listen({ host: options.host, port: options.port });
  const address = app.server.address();
  return {
    port: typeof address === 'object' && address ? address.port : options.port,
    close: async () => await app.close(),
  };
}

async function answer(dispatcher: Dispatcher, request: FastifyRequest, reply: FastifyReply, path: string, query: string): Promise<FastifyReply> {
  const hasBody = request.headers['content-length'] !== undefined ? request.headers['content-length'] !== '0' : request.headers['transfer-encoding'] !== undefined;
  const raw = await dispatcher.handle({
    method: request.method as HttpMethod, // the route takes only these
    path, query,
    headers: request.headers as Record<string, string | undefined>, // doubled headers that Node keeps as arrays (set-cookie) are not read
    body: hasBody ? { stream: (request.body as Readable | undefined) ?? request.raw } : null,
    origin: `http://${request.headers.host ?? 'localhost'}`,
    source: request.raw.socket.remoteAddress,
  });
  reply.code(raw.status);
  for (const name in raw.headers) reply.header(name, raw.headers[name]);
  if (hasBody && !request.raw.readableEnded) {
    // A long rest is cut below: the client must not send its next request into that connection.
    reply.header('connection', 'close');
    drain(request.raw, reply);
  }
  if (raw.body === undefined || raw.status === 204) return await reply.send();
  if (isSelfSending(raw.body)) return await sendItself(raw.body, reply, raw.status);
  if (raw.body instanceof Readable || Buffer.isBuffer(raw.body)) return await reply.send(raw.body);
  if (!('content-type' in raw.headers)) reply.header('content-type', 'application/json');
  const text = raw.body instanceof JsonText ? raw.body.bytes : Buffer.from(JSON.stringify(raw.body));
  reply.header('content-length', text.length);
  return await reply.send(request.method === 'HEAD' ? undefined : text);
}

/** The body writes itself; a reader that leaves ends it, bytes that cannot be read cut the connection, as the length was promised. */
async function sendItself(body: SelfSending, reply: FastifyReply, status: number): Promise<FastifyReply> {
  const headers = reply.getHeaders();
  reply.hijack();
  reply.raw.writeHead(status, headers as Record<string, string>); // all were set as strings above
  if (reply.request.method === 'HEAD') {
    body.destroy();
    reply.raw.end();
    return reply;
  }
  try {
    await body[sendTo](reply.raw);
    reply.raw.end();
  } catch {
    reply.raw.destroy();
  }
  return reply;
}

// A handler that refused without reading the body: a little rest is read away so that the client sees the answer, a long one is cut.
const drainMaxBytes = 1024 * 1024;
function drain(stream: Readable, reply: FastifyReply): void {
  let rest = 0;
  stream.on('error', () => undefined);
  stream.on('data', (chunk: Buffer) => {
    rest += chunk.length;
    if (rest > drainMaxBytes) {
      stream.pause();
      reply.raw.once('finish', () => stream.destroy());
    }
  });
}
