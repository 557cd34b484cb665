// A client for tests that sends raw bytes over a socket, including what no HTTP library sends.
import net from 'node:net';
import { eventually } from '../testing/eventually.ts';

export interface RawSocket {
  /** All bytes received so far. */
  readonly received: string;
  readonly closed: boolean;
  write(bytes: string | Uint8Array): void;
  /** Ends the connection with a TCP reset. */
  reset(): void;
  pause(): void;
  end(): void;
}

export async function connectRaw(port: number): Promise<RawSocket> {
  const socket = net.connect({ host: '127.0.0.1', port, noDelay: true });
  let received = '';
  let closed = false;
  socket.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')));
  socket.on('error', () => undefined); // the field `closed` reports it
  socket.on('close', () => (closed = true));
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  return {
    get received() {
      return received;
    },
    get closed() {
      return closed;
    },
    write: (bytes) => void socket.write(bytes),
    reset: () => void socket.resetAndDestroy(),
    pause: () => void socket.pause(),
    end: () => void socket.end(),
  };
}

/**
 * Sends the bytes and returns status, headers and body once the server has closed the connection.
 */
export async function exchange(
  port: number,
  bytes: string | Uint8Array,
): Promise<{ status: number; headers: Record<string, string>; body: string }> {
  const socket = await connectRaw(port);
  socket.write(bytes);
  await eventually(() => socket.closed, {
    withinMs: 20_000,
    what: 'the server closes the connection',
  });
  const [head = '', ...rest] = socket.received.split('\r\n\r\n');
  const [first = '', ...lines] = head.split('\r\n');
  return {
    status: Number(first.split(' ')[1]),
    headers: Object.fromEntries(
      lines.map((line) => [
        line.split(': ', 1)[0]?.toLowerCase() ?? '',
        line.slice(line.indexOf(': ') + 2),
      ]),
    ),
    body: rest.join('\r\n\r\n'),
  };
}
