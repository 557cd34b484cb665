import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { describe, it } from 'node:test';
import { systemClock } from '#platform/clock.ts';
import { createTlsProbe } from './tls-probe.ts';

const listening = async (server: Server): Promise<number> => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port; // cast: the server listens on TCP
};
const probe = async (port: number) =>
  await createTlsProbe(systemClock, { port }).reaches('127.0.0.1');

describe('a probe of a neighbour', () => {
  it('reaches one that answers, also with a refusal', async () => {
    // The bytes of a TLS alert, handshake_failure.
    const server = createServer((socket) => socket.end(Buffer.from('15030300020228', 'hex')));
    assert.equal(await probe(await listening(server)), true);
    server.close();
  });

  it('does not reach one whose kernel alone accepts, as that of a frozen host', async () => {
    const accepted: Socket[] = [];
    const server = createServer({ pauseOnConnect: true }, (socket) => accepted.push(socket));
    assert.equal(await probe(await listening(server)), false);
    for (const socket of accepted) socket.destroy();
    server.close();
  });

  it('does not reach one that hangs up, or where nobody listens', async () => {
    const server = createServer((socket) => socket.destroy());
    const port = await listening(server);
    assert.equal(await probe(port), false);
    await new Promise((resolve) => server.close(resolve));
    assert.equal(await probe(port), false);
  });
});
