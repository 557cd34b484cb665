// Handles connections that upgrade from HTTP to another protocol (websockets of remote consoles).
// Node hands over such a socket without listeners, so an `error` event on it would end the process.
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Log } from '../log.ts';

/**
 * Passes upgrades to `onUpgrade`. Returns a function that closes all upgraded sockets, which Node's
 * server no longer tracks.
 */
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
    // No idle timeout: a console may be silent for long. TCP keepalive detects a dead peer.
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
