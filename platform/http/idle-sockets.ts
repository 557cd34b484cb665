// Closes connections whose client neither sends what it announced nor reads what it asked for.
// Progress counts, not the whole: an image of many GB over a slow line goes on for hours. A handler
// that works on its answer is never cut.
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
  // The timer of a socket starts anew with every byte that comes or goes. Node: `server.timeout`.
  server.setTimeout(idleTimeoutMs, (socket) => {
    const exchange = exchanges.get(socket);
    if (!exchange) {
      socket.destroy();
    } else if (waitsForBody(exchange) && !exchange.response.headersSent) {
      // the socket closes with it
      exchange.response.writeHead(408, { connection: 'close', 'content-length': '0' }).end();
    } else if (waitsForBody(exchange) || socket.writableLength > 0) {
      socket.destroy();
    } else {
      socket.setTimeout(idleTimeoutMs);
    }
  });
}

/** Bytes that are here and not read yet: it is us who are slow. */
const waitsForBody = ({ request }: Exchange): boolean =>
  !request.complete && request.readableLength === 0;
