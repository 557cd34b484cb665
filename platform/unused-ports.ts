// Finds TCP ports of the loopback on which nobody listens, for the processes of a cloud on one
// machine. Used by compose.
import { createServer } from 'node:net';

/** The first `count` free ports from `first` on. Another program may take one before it is used. */
export async function unusedPorts(count: number, first: number): Promise<number[]> {
  const ports: number[] = [];
  for (let port = first; ports.length < count; port += 1) {
    if (port > highestPort) throw new Error(`too few free ports from ${first} on`);
    if (await isFree(port)) ports.push(port);
  }
  return ports;
}

const highestPort = 65_535;

const isFree = async (port: number): Promise<boolean> =>
  await new Promise((resolve) => {
    const server = createServer();
    server.on('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => void server.close(() => resolve(true)));
  });
