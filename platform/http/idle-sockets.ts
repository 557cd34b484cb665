// Closes connections whose client neither sends the body that it announced nor reads the answer
// that it requested. Progress counts, not the total time: an image of many GB over a slow
// connection takes hours. A request whose handler is still working is never cut. A client that does
// not finish its headers: `headersTimeoutMs` in server.ts.
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
  // The timer of a socket starts again with every byte in either direction. Node: `server.timeout`.
  server.setTimeout(idleTimeoutMs, (socket) => {
    const exchange = exchanges.get(socket);
    if (!exchange) {
      socket.destroy();
    } else if (waitsForBody(exchange) && !exchange.response.headersSent) {
      // the socket is closed with it
      exchange.response.writeHead(408, { connection: 'close', 'content-length': '0' }).end();
    } else if (waitsForBody(exchange) || socket.writableLength > 0) {
      socket.destroy();
    } else {
      socket.setTimeout(idleTimeoutMs);
    }
  });
}

/** Whether there are received bytes that the handler has not read yet: then this side is slow. */
const waitsForBody = ({ request }: Exchange): boolean =>
  !request.complete && request.readableLength === 0;
