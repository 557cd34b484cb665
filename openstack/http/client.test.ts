// Both HTTP clients between services against their common contract; and cases that only sockets
// have.
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { isFault } from '#contracts/common/fault.ts';
import { systemClock } from '#platform/clock.ts';
import { startHttpServer } from '#platform/http/server.ts';
import { systemIds } from '#platform/ids.ts';
import { silentLog } from '#platform/log.ts';
import { clientContract } from './client.testing.ts';
import { createInProcessClient, createSocketClient } from './client.ts';
import { createDispatcher } from './dispatcher.ts';
import { roleTokens, thingFace } from './face.testing.ts';

const dispatcher = createDispatcher([thingFace], {
  tokens: roleTokens,
  clock: systemClock,
  ids: systemIds,
  log: silentLog,
  identityUrl: 'http://keystone/v3',
});

clientContract('in the same process', async () => ({
  client: createInProcessClient(
    { things: '/things' },
    'http://cloud',
    () => dispatcher,
    systemClock,
  ),
  baseUrl: 'http://cloud/things',
  close: async () => undefined,
}));

clientContract('over sockets', async () => {
  const server = await startHttpServer(dispatcher, { host: '127.0.0.1', port: 0 });
  const root = `http://127.0.0.1:${server.port}/things`;
  return {
    client: createSocketClient({ things: root }, systemClock),
    baseUrl: root,
    close: async () => await server.close(),
  };
});

describe('a client over sockets', () => {
  it('is unavailable when nobody listens', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo; // it listens on TCP
    await new Promise((resolve) => server.close(resolve));
    const answer = await createSocketClient(
      { things: `http://127.0.0.1:${port}` },
      systemClock,
    ).send({
      method: 'GET',
      service: 'things',
      path: '/',
    });
    assert.ok(isFault(answer) && answer.kind === 'unavailable');
  });
});
