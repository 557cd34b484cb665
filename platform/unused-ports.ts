// TCP ports of the loopback that nobody listens on at present, for the processes of a cloud on one
// machine. Used by compose.
import { createServer } from 'node:net';

/**
 * The first that are free from `first` on. One may be taken by another program before it is used.
 */
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
