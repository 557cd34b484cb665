// Closes connections whose client stops sending its announced body, or stops reading the reply.
// Progress counts, not total time: an image of many GB over a slow connection takes hours. A
// request whose handler is still working is never cut. Clients that do not finish their headers are
// closed by `headersTimeoutMs` in server.ts.
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

export const defaultIdleTimeoutMs = 60_000;

interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
}

export function closeIdleSockets(server: Server, idleTimeoutMs: number): void {
  const exchanges = new WeakMap<Socket, Exchange>();
  server.on('request', (request, response) => {
    const { socket } = request;
    const exchange = { request, response };
    exchanges.set(socket, exchange);
    response.once('close', () => {
      if (exchanges.get(socket) === exchange) exchanges.delete(socket);
    });
  });
  // Node restarts a socket's timer at every byte in either direction. Node: `server.timeout`.
  server.setTimeout(idleTimeoutMs, (socket) => {
    const exchange = exchanges.get(socket);
    if (!exchange) {
      socket.destroy();
    } else if (waitsForBody(exchange) && !exchange.response.headersSent) {
      // `connection: close` makes Node close the socket after this reply.
      exchange.response.writeHead(408, { connection: 'close', 'content-length': '0' }).end();
    } else if (waitsForBody(exchange) || socket.writableLength > 0) {
      socket.destroy();
    } else {
      socket.setTimeout(idleTimeoutMs);
    }
  });
}

/**
 * True while the server waits for body bytes of the client. If received bytes are still unread, the
 * handler is what is slow, not the client.
 */
const waitsForBody = ({ request }: Exchange): boolean =>
  !request.complete && request.readableLength === 0;
