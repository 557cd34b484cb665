// Connections that change from HTTP to another protocol (websockets of remote consoles). Node
// passes such a socket on without listeners: an error on it would end the process.
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Log } from '../log.ts';

/** Returns a function that ends all of them: Node's server no longer tracks them. */
export function acceptUpgrades(
  server: Server,
  onUpgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => Promise<void>,
  log: Log,
): () => void {
  const open = new Set<Duplex>();
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', (error) => {
      log.debug({ err: error }, 'upgraded connection broke off');
      socket.destroy();
    });
    request.on('error', () => socket.destroy());
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    // a console may be silent for long; TCP's keepalive finds a dead peer
    request.socket.setTimeout(0);
    onUpgrade(request, socket, head).catch((error: unknown) => {
      log.warn({ err: error }, 'upgrade failed');
      socket.destroy();
    });
  });
  return () => {
    for (const socket of open) socket.destroy();
  };
}
