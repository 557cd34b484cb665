// The OVSDB client against peers that answer late, wrongly, not at all, or as older servers do.
// Tests with a real server: ovsdb.test.ts.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import { silentLog } from '#platform/log.ts';
import { eventually } from '#platform/testing/eventually.ts';
import { OvsdbClient, type ClientOptions } from './client.ts';
import { OvsdbDisconnected, OvsdbTimeout } from './errors.ts';
import { JsonSplitter } from './json-stream.ts';
import { northbound } from './northbound.gen.ts';

type Nb = typeof northbound;
interface Message {
  method?: string;
  params?: unknown[];
  id: unknown;
  result?: unknown;
  error?: unknown;
}
type Answer = (message: Message, send: (message: object) => void) => void;
interface Peer {
  opened: number;
  drop(): void;
  unix: string;
}

/** A server that answers `echo` and leaves everything else to `answer`. */
async function withPeer(
  answer: Answer,
  options: Partial<ClientOptions<Nb>>,
  work: (client: OvsdbClient<Nb>, peer: Peer) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'cobalt-ovsdb-'));
  const socketPath = path.join(folder, 'sock');
  const sockets = new Set<net.Socket>();
  const peer: Peer = {
    opened: 0,
    unix: `unix:${socketPath}`,
    drop: () => sockets.forEach((socket) => socket.destroy()),
  };
  const server = net.createServer((socket) => {
    peer.opened += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    const splitter = new JsonSplitter(1e6);
    let echoes = 0;
    socket.on('data', (chunk: Buffer) => {
      for (const message of splitter.push(chunk) as Message[]) {
        const send = (reply: object) => void socket.write(JSON.stringify(reply));
        // The first echo is the client's check of the connection; the others belong to the test.
        if (message.method === 'echo' && (echoes += 1) === 1)
          send({ id: message.id, result: message.params, error: null });
        else answer(message, send);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  const client = new OvsdbClient(
    {
      remotes: [peer.unix],
      schema: northbound,
      connectTimeoutMs: 500,
      callTimeoutMs: 200,
      backoffMs: { first: 5, last: 20 },
      ...options,
    },
    { log: silentLog },
  );
  try {
    await work(client, peer);
  } finally {
    client.close();
    peer.drop();
    await new Promise((resolve) => server.close(resolve));
    await rm(folder, { recursive: true });
  }
}

const unknownMethod = { error: 'unknown method' };

describe('the OVSDB client', () => {
  it('matches answers to calls in whatever order they come', async () => {
    const replies: (() => void)[] = [];
    await withPeer(
      ({ id, params }, send) => {
        replies.unshift(() => send({ id, result: params, error: null }));
        if (replies.length === 3) replies.forEach((each) => each());
      },
      {},
      async (client) => {
        assert.deepEqual(await Promise.all([1, 2, 3].map((each) => client.call('any', [each]))), [
          [1],
          [2],
          [3],
        ]);
      },
    );
  });

  it('gives up a call at its deadline and goes on with the next; the late answer harms nobody', async () => {
    const methods: string[] = [];
    await withPeer(
      ({ id, method = '', params }, send) => {
        methods.push(method);
        if (method === 'slow') setTimeout(() => send({ id, result: 'late', error: null }), 60);
        else if (method === 'quick') send({ id, result: params, error: null });
      },
      {},
      async (client) => {
        await assert.rejects(client.call('slow', [], { timeoutMs: 20 }), OvsdbTimeout);
        assert.deepEqual(await client.call('quick', [2]), [2]);
        assert.deepEqual(methods, ['slow', 'cancel', 'quick']);
      },
    );
  });

  it('sends no more than it may at once, and refuses what does not fit its queue', async () => {
    let [atOnce, most] = [0, 0];
    await withPeer(
      ({ id }, send) => {
        most = Math.max(most, (atOnce += 1));
        setImmediate(() => {
          atOnce -= 1;
          send({ id, result: null, error: null });
        });
      },
      { maxInFlight: 2, maxQueued: 4 },
      async (client) => {
        await client.connect();
        const settled = await Promise.allSettled(
          Array.from({ length: 10 }, () => client.call('any', [])),
        );
        assert.equal(settled.filter((each) => each.status === 'fulfilled').length, 6);
        assert.ok(
          settled.every(
            (each) => each.status === 'fulfilled' || each.reason instanceof OvsdbDisconnected,
          ),
        );
        assert.equal(most, 2);
      },
    );
  });

  it('answers echoes, asks for one in silence, and leaves a peer that gives none', async () => {
    const echoed: unknown[] = [];
    let callCount = 0;
    await withPeer(
      ({ id, method, result }, send) => {
        if (method === 'any') send({ id: 'echo', method: 'echo', params: ['are you there'] });
        if (id === 'echo') echoed.push(result);
        if (method === 'echo') callCount += 1; // stays unanswered
      },
      { keepaliveIntervalMs: 30 },
      async (client, peer) => {
        await assert.rejects(client.call('any', []), OvsdbDisconnected);
        assert.deepEqual(echoed, [['are you there']]);
        assert.ok(callCount >= 1);
        await eventually(() => peer.opened >= 2, { withinMs: 2_000, what: 'another connection' });
      },
    );
  });

  it('takes the next remote when one does not answer', async () => {
    await withPeer(
      ({ id }, send) => send({ id, result: [], error: null }),
      {},
      async (_, peer) => {
        const client = new OvsdbClient(
          {
            remotes: ['unix:/nonexistent/db.sock', peer.unix],
            schema: northbound,
            backoffMs: { first: 5, last: 20 },
          },
          { log: silentLog },
        );
        assert.deepEqual(await client.listDatabases(), []);
        client.close();
      },
    );
  });

  it('says disconnected in bounded time where nobody listens, and where no OVSDB speaks', async () => {
    const client = new OvsdbClient(
      { remotes: ['unix:/nonexistent/db.sock'], schema: northbound, connectTimeoutMs: 50 },
      { log: silentLog },
    );
    await assert.rejects(client.listDatabases(), OvsdbDisconnected);
    client.close();
    await assert.rejects(client.listDatabases(), OvsdbDisconnected);
    const other = net.createServer(
      (socket) => void socket.on('error', () => undefined).write('220 mail.example.org ESMTP'),
    );
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const mistaken = new OvsdbClient(
      {
        remotes: [`tcp:127.0.0.1:${(other.address() as net.AddressInfo).port}`],
        schema: northbound,
        connectTimeoutMs: 100,
      },
      { log: silentLog },
    );
    await assert.rejects(mistaken.listDatabases(), /unreadable message/);
    mistaken.close();
    other.close();
  });

  for (const monitorMethod of ['monitor', 'monitor_cond']) {
    it(`keeps a replica by ${monitorMethod} where the server knows no better`, async () => {
      const uuid = 'e7b3a9f0-0000-4000-8000-000000000001';
      await withPeer(
        ({ id, method, params = [] }, send) => {
          if (method !== monitorMethod) return send({ id, result: null, ...unknownMethod });
          const whole = (name: string) => ({
            Address_Set: {
              [uuid]:
                monitorMethod === 'monitor'
                  ? { new: { name, addresses: ['set', []] } }
                  : { initial: { name } },
            },
          });
          send({ id, result: whole('first'), error: null });
          // Sent directly behind the answer, in one packet: it must be applied after it.
          const changed =
            monitorMethod === 'monitor'
              ? { old: { name: 'first' }, new: { name: 'second', addresses: 'a' } }
              : { modify: { name: 'second', addresses: 'a' } };
          send({
            id: null,
            method: monitorMethod === 'monitor' ? 'update' : 'update2',
            params: [params[1], { Address_Set: { [uuid]: changed } }],
          });
        },
        {},
        async (client) => {
          const replica = client.replicate({ Address_Set: { columns: ['name', 'addresses'] } });
          await replica.ready(1_000);
          await eventually(() => replica.rows('Address_Set').get(uuid)?.name === 'second', {
            withinMs: 1_000,
            what: 'the second name',
          });
          assert.deepEqual(replica.rows('Address_Set').get(uuid), {
            name: 'second',
            addresses: ['a'],
          });
          assert.equal(replica.facts.method, monitorMethod);
        },
      );
    });
  }

  it('fetches a replica anew that the server brought out of step', async () => {
    const since: unknown[] = [];
    await withPeer(
      ({ id, method, params = [] }, send) => {
        if (method !== 'monitor_cond_since') return;
        since.push(params[3]);
        send({ id, result: [false, '00000000-0000-0000-0000-000000000009', {}], error: null });
        send({
          id: null,
          method: 'update3',
          params: [
            params[1],
            '00000000-0000-0000-0000-000000000010',
            { Address_Set: { u: { modify: { name: 'of a row never sent' } } } },
          ],
        });
      },
      {},
      async (client, peer) => {
        const replica = client.replicate({ Address_Set: { columns: ['name'] } });
        await eventually(() => peer.opened >= 3, { withinMs: 2_000, what: 'it connects anew' });
        assert.equal(replica.rows('Address_Set').size, 0);
        assert.deepEqual([...new Set(since)], ['00000000-0000-0000-0000-000000000000']);
      },
    );
  });
});
