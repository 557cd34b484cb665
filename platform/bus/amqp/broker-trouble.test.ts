// Which messages survive when the broker is killed, and what happens to a cast whose handler always
// throws.
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { after, afterEach, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Connection } from 'rabbitmq-client';
import { isFault } from '#contracts/common/fault.ts';
import { systemClock, withDeadline } from '../../clock.ts';
import { systemIds } from '../../ids.ts';
import { silentLog } from '../../log.ts';
import { eventually } from '../../testing/eventually.ts';
import type { Bus } from '../bus.ts';
import { isNotDelivered } from '../bus.ts';
import { createAmqpBus } from './amqp-bus.ts';
import type { PrivateRabbitmq } from './rabbitmq.testing.ts';
import { rabbitmqMissing, startRabbitmq } from './rabbitmq.testing.ts';

const request = { requestId: 'req-11111111-1111-1111-1111-111111111111' };
const recoverMs = 20_000;

describe('the bus over RabbitMQ', { skip: await rabbitmqMissing() }, () => {
  let rabbitmq: PrivateRabbitmq;
  const buses: Bus[] = [];
  before(async () => void (rabbitmq = await startRabbitmq()));
  afterEach(async () => await Promise.all(buses.splice(0).map(async (bus) => await bus.close())));
  after(async () => await rabbitmq?.stop());

  const open = (prefix: string): Bus => {
    const bus = createAmqpBus(
      {
        ...rabbitmq.options,
        prefix,
        limits: { redeliveryBackoffMs: 1, maxDeliveries: 3, awayTimeoutMs: 2_000 },
      },
      { clock: systemClock, ids: systemIds, log: silentLog },
    );
    buses.push(bus);
    return bus;
  };

  it('works again when a broker that was killed is back, and has lost no cast', async () => {
    const [sender, server] = [open('killed'), open('killed')];
    const handledCalls: unknown[] = [];
    const calls = (): Promise<unknown> =>
      sender.call('t', 'echo', { n: 1 }, { ...request, timeoutMs: 1_000 });
    server.serve('t', {
      echo: async ({ n }) => ({ n: Number(n) }),
    });
    await eventually(async () => !isFault(await calls()), {
      withinMs: recoverMs,
      what: 'the topic is served',
    });
    for (const n of [1, 2, 3])
      assert.equal(await sender.cast('later', 'keep', { n }, request), undefined);
    // RabbitMQ writes its list of queues to disk every 0.5 s; a queue younger than that would be
    // lost.
    await systemClock.sleep(1_500);
    await rabbitmq.kill();
    const refusals = await Promise.all([calls(), sender.cast('t', 'echo', { n: 1 }, request)]);
    for (const outcome of refusals)
      assert.ok(isFault(outcome) && ['unavailable', 'timeout'].includes(outcome.kind));
    await rabbitmq.start();
    await eventually(async () => !isFault(await calls()), {
      withinMs: recoverMs,
      what: 'calls are answered again',
    });
    server.serve('later', { keep: async ({ n }) => void handledCalls.push(n) });
    await eventually(() => handledCalls.length === 3, {
      withinMs: recoverMs,
      what: 'what was cast before is delivered',
    });
    assert.deepEqual(handledCalls, [1, 2, 3]);
  });

  it('gives a cast of a consumer that goes in the middle of it to another one', async () => {
    const [first, second] = [open('goes'), open('goes')];
    const begun = Promise.withResolvers<void>();
    first.serve('t', {
      go: async () => {
        begun.resolve();
        throw new Error('this process is ill');
      },
    });
    const start = Promise.withResolvers<number>();
    await first.cast('t', 'go', {}, request);
    await begun.promise;
    second.serve('t', { go: async (_params, { attempt }) => start.resolve(attempt) as undefined });
    await first.close();
    const attempt = await start.promise;
    assert.ok(attempt > 1, 'the broker counts');
  });

  it('keeps a cast that was given up as a dead letter', async () => {
    const bus = open('dead');
    let runs = 0;
    bus.serve('t', {
      never: async () => {
        runs += 1;
        throw new Error('never');
      },
    });
    await bus.cast('t', 'never', { secret: 'kept' }, request);
    const connection = new Connection({
      hosts: [...rabbitmq.options.hosts],
      username: 'guest',
      password: 'guest',
    });
    try {
      const letter = await eventually(
        async () =>
          await connection.basicGet({ queue: 'dead.dead', noAck: true }).catch(() => undefined),
        { withinMs: recoverMs, what: 'the dead letter is there' },
      );
      assert.equal(runs, 3);
      assert.equal(letter.type, 'never');
      assert.match(String(letter.body), /kept/);
      assert.equal(letter.headers?.['x-first-death-queue'], 'dead.cast.t');
    } finally {
      await connection.close();
    }
  });

  it('is declared by many processes at once', async () => {
    const all = Array.from({ length: 6 }, () => open('crowd'));
    for (const bus of all) bus.serve('t', { where: async () => 'here' });
    const answers = all.map(
      async (bus) =>
        await eventually(
          async () => {
            const answer = await bus.call('t', 'where', {}, { ...request, timeoutMs: 2_000 });
            return answer === 'here';
          },
          { withinMs: recoverMs, what: 'an answer' },
        ),
    );
    await Promise.all(answers);
  });

  // The consumer is killed before it has told the caller that it accepted the call (0 ms), and
  // after.
  for (const inWorkMs of [0, 1_500])
    it(`ends a call whose consumer is killed after ${inWorkMs} ms of work, long before its deadline`, async () => {
      const prefix = `long-call-${inWorkMs}`;
      const caller = open(prefix);
      const program = fileURLToPath(new URL('long-call.testing.ts', import.meta.url));
      const options = JSON.stringify({ ...rabbitmq.options, prefix });
      const consumer = fork(program, [options], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
      try {
        const delivery = once(consumer, 'message');
        const call = async () =>
          await caller.call('long', 'work', {}, { ...request, timeoutMs: 120_000 });
        let answer = call();
        await eventually(
          async () => {
            // `unavailable` until the child process serves the topic
            const first = await Promise.race([answer, delivery.then(() => 'taken')]);
            if (first !== 'taken') answer = call();
            return first === 'taken';
          },
          { withinMs: recoverMs, what: 'the call is taken' },
        );
        await systemClock.sleep(inWorkMs);
        consumer.kill('SIGKILL');
        const outcome = await withDeadline(answer, 15_000, () => 'late', systemClock);
        assert.ok(
          isFault(outcome) && isNotDelivered(outcome),
          isFault(outcome) ? outcome.message : `no fault: ${JSON.stringify(outcome)}`,
        );
      } finally {
        consumer.kill('SIGKILL');
      }
    });

  it('waits for a call that lies in the queue while the consumer is at work', async () => {
    const bus = open('busy');
    const begun = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    bus.serve(
      't',
      { work: async () => (begun.resolve(), await release.promise, 'done') },
      { concurrency: 1 },
    );
    const call = async () => await bus.call('t', 'work', {}, { ...request, timeoutMs: 60_000 });
    const first = call();
    await begun.promise;
    const second = call();
    await systemClock.sleep(7_500); // two checks of the caller, 3 s apart
    release.resolve();
    assert.deepEqual(await Promise.all([first, second]), ['done', 'done']);
  });
});
