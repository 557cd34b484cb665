// The libvirt client at the wire: codecs, frames in pieces, and daemons that answer late, wrongly
// or not at all.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { silentLog } from '#platform/log.ts';
import { eventually } from '#platform/testing/eventually.ts';
import { decode, encode, XdrError } from '#platform/xdr.ts';
import { LibvirtClient, type ClientOptions } from './client.ts';
import { LibvirtDisconnected, LibvirtError, LibvirtTimeout } from './errors.ts';
import { encodeFrame, FrameSplitter, STATUS, TYPE, type Frame } from './frames.ts';
import {
  domain,
  errorBody,
  events,
  KEEPALIVE_PROGRAM,
  parameters,
  remote,
  REMOTE_PROGRAM,
} from './protocol.ts';

describe('XDR', () => {
  it('encodes a domain as libvirt does', () => {
    const bytes = encode(domain, {
      name: 'g1',
      uuid: '00010203-0405-0607-0809-0a0b0c0d0e0f',
      id: -1,
    });
    assert.equal(
      bytes.toString('hex'),
      '00000002' + '67310000' + '000102030405060708090a0b0c0d0e0f' + 'ffffffff',
    );
    assert.deepEqual(decode(domain, bytes), {
      name: 'g1',
      uuid: '00010203-0405-0607-0809-0a0b0c0d0e0f',
      id: -1,
    });
  });

  it('gives every typed parameter back', () => {
    const value = fc.oneof(
      fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
      fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      fc.boolean(),
      fc.string({ unit: 'grapheme' }),
    );
    fc.assert(
      fc.property(
        fc.array(fc.record({ field: fc.string(), value }, { noNullPrototype: true })),
        (list) => assert.deepEqual(decode(parameters, encode(parameters, list)), list),
      ),
    );
  });

  it('refuses what is cut short or claims too much', () => {
    assert.throws(() => decode(domain, Buffer.from('00000002', 'hex')), XdrError);
    assert.throws(() => decode(parameters, Buffer.from('ffffffff', 'hex')), XdrError);
  });
});

describe('frames', () => {
  it('come out whole however the socket cuts them', () => {
    const frame = fc.record(
      {
        program: fc.nat(),
        procedure: fc.nat(),
        type: fc.nat(3),
        serial: fc.nat(),
        status: fc.nat(2),
        body: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
      },
      { noNullPrototype: true },
    );
    fc.assert(
      fc.property(
        fc.array(frame),
        fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }),
        (frames, cuts) => {
          const stream = Buffer.concat(frames.map(encodeFrame));
          const splitter = new FrameSplitter();
          const receivedFrames: Frame[] = [];
          for (let at = 0, i = 0; at < stream.length; i += 1) {
            const size = cuts[i % cuts.length] ?? 1;
            receivedFrames.push(...splitter.push(stream.subarray(at, at + size)));
            at += size;
          }
          assert.deepEqual(receivedFrames, frames);
        },
      ),
    );
  });

  it('end the connection at a length no daemon sends', () => {
    assert.throws(() => new FrameSplitter().push(Buffer.from('ffffffff', 'hex')), /frame of/);
    assert.throws(() => new FrameSplitter().push(Buffer.from('00000004', 'hex')), /frame of/);
  });
});

type Answer = (
  frame: Frame,
  reply: (body: Buffer, status?: number) => void,
  socket: net.Socket,
) => void;

/** A daemon that opens connections correctly and answers calls as the test says. */
async function withDaemon(
  answer: Answer,
  options: Partial<ClientOptions>,
  work: (
    client: LibvirtClient,
    daemon: { opened: number; drop(): void; socketPath: string },
  ) => Promise<void>,
  onEvent?: () => void,
): Promise<void> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'cobalt-rpc-'));
  const socketPath = path.join(folder, 'sock');
  const sockets = new Set<net.Socket>();
  const daemon = {
    opened: 0,
    socketPath,
    drop: () => sockets.forEach((socket) => socket.destroy()),
  };
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    const splitter = new FrameSplitter();
    socket.on('data', (chunk: Buffer) => {
      for (const frame of splitter.push(chunk)) {
        const reply = (body: Buffer, status: number = STATUS.ok) =>
          void socket.write(encodeFrame({ ...frame, type: TYPE.reply, status, body }));
        if (frame.program === REMOTE_PROGRAM && frame.procedure === remote.authList.number)
          reply(encode(remote.authList.result, { types: [0] }));
        else if (
          frame.procedure === remote.connectOpen.number &&
          frame.program === REMOTE_PROGRAM
        ) {
          daemon.opened += 1;
          reply(Buffer.alloc(0));
        } else if (frame.procedure === remote.connectSupportsFeature.number)
          reply(encode(remote.connectSupportsFeature.result, { supported: 1 }));
        else if (frame.procedure === remote.connectDomainEventCallbackRegisterAny.number)
          reply(encode(remote.connectDomainEventCallbackRegisterAny.result, { callbackId: 0 }));
        else answer(frame, reply, socket);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  const client = new LibvirtClient(
    {
      socketPath,
      connectTimeoutMs: 500,
      callTimeoutMs: 200,
      backoffMs: { first: 5, last: 20 },
      ...options,
    },
    { log: silentLog },
    onEvent ? { lifecycle: onEvent } : {},
  );
  try {
    await work(client, daemon);
  } finally {
    client.close();
    daemon.drop();
    await new Promise((resolve) => server.close(resolve));
    await rm(folder, { recursive: true });
  }
}

const version = (n: bigint) => encode(remote.connectGetVersion.result, { version: n });

describe('the libvirt client', () => {
  it('matches answers to calls by serial, in whatever order they come', async () => {
    const replies: (() => void)[] = [];
    await withDaemon(
      (frame, reply) => {
        replies.unshift(() => reply(version(BigInt(frame.serial))));
        if (replies.length === 3) replies.forEach((send) => send());
      },
      {},
      async (client) => {
        const answers = await Promise.all(
          [1, 2, 3].map(() => client.call(remote.connectGetVersion, undefined)),
        );
        const serials = answers.map((answer) => Number(answer.version));
        assert.deepEqual(
          serials,
          [...serials].sort((a, b) => a - b),
        );
        assert.equal(new Set(serials).size, 3);
      },
    );
  });

  it("types libvirt's errors by code and domain", async () => {
    const body = encode(errorBody, {
      code: 42,
      domain: 10,
      message: 'Domain not found',
      level: 2,
      dom: null,
      str1: null,
      str2: null,
      str3: null,
      int1: 0,
      int2: 0,
      net: null,
    });
    await withDaemon(
      (_frame, reply) => reply(body, STATUS.error),
      {},
      async (client) => {
        await assert.rejects(
          client.call(remote.domainLookupByName, { name: 'x' }),
          (error) => error instanceof LibvirtError && error.code === 42 && error.domain === 10,
        );
      },
    );
  });

  it('gives up a call at its deadline and goes on with the next; the late answer harms nobody', async () => {
    let first = true;
    await withDaemon(
      (_frame, reply) => {
        if (first) setTimeout(() => reply(version(1n)), 60);
        else reply(version(2n));
        first = false;
      },
      {},
      async (client) => {
        await assert.rejects(client.call(remote.connectGetVersion, undefined, 20), LibvirtTimeout);
        assert.equal((await client.call(remote.connectGetVersion, undefined)).version, 2n);
      },
    );
  });

  it('sends no more than it may at once, and refuses what does not fit its queue', async () => {
    let atOnce = 0;
    let most = 0;
    await withDaemon(
      (_frame, reply) => {
        most = Math.max(most, (atOnce += 1));
        setImmediate(() => {
          atOnce -= 1;
          reply(version(1n));
        });
      },
      { maxInFlight: 2, maxQueued: 4 },
      async (client) => {
        await client.connect();
        const settled = await Promise.allSettled(
          Array.from({ length: 10 }, () => client.call(remote.connectGetVersion, undefined)),
        );
        assert.equal(settled.filter((each) => each.status === 'fulfilled').length, 6);
        assert.ok(
          settled.every(
            (each) => each.status === 'fulfilled' || each.reason instanceof LibvirtDisconnected,
          ),
        );
        assert.equal(most, 2);
      },
    );
  });

  it('comes back by itself when the connection breaks, and hears events again', async () => {
    let eventCount = 0;
    const event = encode(events.lifecycle.message, {
      callbackId: 0,
      domain: { name: 'g', uuid: '00000000-0000-0000-0000-000000000001', id: 1 },
      event: 2,
      detail: 0,
    });
    await withDaemon(
      (_frame, reply, socket) => {
        socket.write(
          encodeFrame({
            program: REMOTE_PROGRAM,
            procedure: events.lifecycle.messageNumber,
            type: TYPE.message,
            serial: 0,
            status: STATUS.ok,
            body: event,
          }),
        );
        reply(version(1n));
      },
      {},
      async (client, daemon) => {
        await client.call(remote.connectGetVersion, undefined);
        daemon.drop();
        await eventually(() => daemon.opened === 2, {
          withinMs: 2_000,
          what: 'a second connection',
        });
        await client.call(remote.connectGetVersion, undefined);
        assert.equal(eventCount, 2);
      },
      () => (eventCount += 1),
    );
  });

  it('answers pings, and leaves a peer that does not', async () => {
    let pongs = 0;
    await withDaemon(
      (frame, reply, socket) => {
        if (frame.program === KEEPALIVE_PROGRAM)
          return void (frame.procedure === 2 && (pongs += 1)); // its own pings stay unanswered
        socket.write(
          encodeFrame({
            program: KEEPALIVE_PROGRAM,
            procedure: 1,
            type: TYPE.message,
            serial: 0,
            status: STATUS.ok,
            body: Buffer.alloc(0),
          }),
        );
        reply(version(1n));
      },
      { keepaliveIntervalMs: 20, keepaliveCount: 2 },
      async (client, daemon) => {
        await client.call(remote.connectGetVersion, undefined);
        await eventually(() => pongs === 1, { withinMs: 2_000, what: 'our pong' });
        await eventually(() => daemon.opened >= 2, { withinMs: 2_000, what: 'another connection' });
      },
    );
  });

  it('says disconnected in bounded time where nobody listens', async () => {
    const client = new LibvirtClient(
      { socketPath: '/nonexistent/libvirt-sock', connectTimeoutMs: 50 },
      { log: silentLog },
    );
    await assert.rejects(client.call(remote.connectGetVersion, undefined), LibvirtDisconnected);
    client.close();
  });
});
