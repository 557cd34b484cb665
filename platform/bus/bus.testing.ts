// The contract of the message bus as a test suite, run by the test of each driver.
import { strict as assert } from 'node:assert';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import { eventually } from '../testing/eventually.ts';
import type { Bus, RpcContext } from './bus.ts';

const anyRequest = { requestId: 'req-11111111-1111-1111-1111-111111111111' };
const callOptions = { ...anyRequest, timeoutMs: 5_000 };

/**
 * Registers the suite. `open` returns a new bus whose queues hold 50 messages and which redelivers
 * within milliseconds. `beyondQueue`: how many messages above 50 a queue may accept, since replicas
 * of a RabbitMQ quorum queue count their length separately.
 */
export function busContract(
  title: string,
  open: () => Promise<Bus>,
  { beyondQueue = 0 } = {},
): void {
  let bus: Bus;
  beforeEach(async () => {
    bus = await open();
  });
  afterEach(() => bus.close());

  test(`${title}: a call brings the result and the request id there`, async () => {
    let handlerContext: RpcContext | undefined;
    bus.serve('t', {
      add: async (params, context) => {
        handlerContext = context;
        return { sum: Number(params['a']) + Number(params['b']) };
      },
    });
    assert.deepEqual(await bus.call('t', 'add', { a: 1, b: 2 }, callOptions), { sum: 3 });
    assert.equal(handlerContext?.requestId, anyRequest.requestId);
    assert.ok(handlerContext && handlerContext.deadlineMs < Infinity);
  });

  test(`${title}: a handler may answer nothing`, async () => {
    bus.serve('t', { nothing: async () => undefined });
    assert.equal(await bus.call('t', 'nothing', {}, callOptions), undefined);
  });

  test(`${title}: a handler's fault arrives as an equal fault`, async () => {
    bus.serve('t', { refuse: async () => fault('conflict', 'busy', { state: 'x' }) });
    const outcome = await bus.call('t', 'refuse', {}, callOptions);
    assert.ok(isFault(outcome));
    assert.deepEqual(outcome, fault('conflict', 'busy', { state: 'x' }));
  });

  test(`${title}: a bug in the handler is thrown at the caller, with its text`, async () => {
    bus.serve('t', {
      bug: async () => {
        throw new Error('the cause');
      },
    });
    await assert.rejects(bus.call('t', 'bug', {}, callOptions), /t\.bug.*the cause/);
    await assert.rejects(bus.call('t', 'toString', {}, callOptions), /no method toString/);
  });

  test(`${title}: a call that nobody serves is refused at once`, async () => {
    const startedMs = performance.now();
    const outcome = await bus.call('nobody', 'x', {}, { ...callOptions, timeoutMs: 10_000 });
    assert.equal(isFault(outcome) && outcome.kind, 'unavailable');
    assert.ok(performance.now() - startedMs < 2_000);
  });

  test(`${title}: a call ends at its deadline, in work or in the queue`, async () => {
    const gate = Promise.withResolvers<undefined>();
    let started = 0;
    bus.serve(
      't',
      {
        slow: () => {
          started += 1;
          return gate.promise;
        },
      },
      { concurrency: 1 },
    );
    const outcomes = await Promise.all(
      [1, 2].map(() => bus.call('t', 'slow', {}, { ...callOptions, timeoutMs: 60 })),
    );
    assert.deepEqual(
      outcomes.map((outcome) => isFault(outcome) && outcome.kind),
      ['timeout', 'timeout'],
    );
    gate.resolve(undefined);
    assert.equal(await bus.call('t', 'slow', {}, callOptions), undefined);
    assert.equal(started, 2, 'the call that timed out in the queue was never started');
  });

  test(`${title}: messages are copies, and only plain JSON`, async () => {
    const mine = { list: [{ n: 1 }], gone: undefined };
    const message = { n: 1 };
    bus.serve('t', {
      change: async (params) => {
        assert.deepEqual(params, { list: [{ n: 1 }] });
        (params['list'] as JsonObject[])[0]!['n'] = 2;
        return message;
      },
    });
    const result = (await bus.call('t', 'change', mine, callOptions)) as JsonObject;
    result['n'] = 3;
    assert.deepEqual([mine.list, message], [[{ n: 1 }], { n: 1 }]);
    await assert.rejects(
      bus.call('t', 'change', { when: new Date() as never }, callOptions),
      /not plain JSON/,
    );
  });

  test(`${title}: a cast waits for a consumer that comes later`, async () => {
    assert.equal(await bus.cast('later', 'go', { n: 1 }, anyRequest), undefined);
    const got = Promise.withResolvers<JsonObject>();
    bus.serve('later', {
      go: async (params) => {
        got.resolve(params);
        return undefined;
      },
    });
    assert.deepEqual(await got.promise, { n: 1 });
  });

  test(`${title}: a cast with a known message id is taken once`, async () => {
    let runs = 0;
    bus.serve(
      't',
      {
        go: async () => {
          runs += 1;
          return undefined;
        },
        count: async () => runs,
      },
      { concurrency: 1 },
    );
    // A call may overtake casts of its topic, so poll by calls until the last cast is counted.
    const count = async (expected: number): Promise<void> =>
      void (await eventually(
        async () => ((await bus.call('t', 'count', {}, callOptions)) as number) >= expected,
        { withinMs: 5_000, what: `${expected} casts are handled` },
      ));
    for (const messageId of ['a', 'a', 'b'])
      assert.equal(await bus.cast('t', 'go', {}, { ...anyRequest, messageId }), undefined);
    await count(2);
    for (const messageId of ['a', 'c']) await bus.cast('t', 'go', {}, { ...anyRequest, messageId });
    await count(3);
    assert.equal(runs, 3);
  });

  test(`${title}: a cast whose handler throws is delivered again, then given up; its id may then be used again`, async () => {
    const attempts: number[] = [];
    const succeeded = Promise.withResolvers<void>();
    bus.serve('t', {
      twice: async (_, context) => {
        if (context.attempt < 2) throw new Error('first time');
        succeeded.resolve();
        return undefined;
      },
      never: async (_, context) => {
        attempts.push(context.attempt);
        throw new Error('never');
      },
    });
    await bus.cast('t', 'twice', {}, anyRequest);
    await succeeded.promise;
    const deadlineMs = performance.now() + 5_000;
    while (attempts.length < 6 && performance.now() < deadlineMs) {
      await bus.cast('t', 'never', {}, { ...anyRequest, messageId: 'm' });
      await sleep(5);
    }
    assert.deepEqual(attempts.slice(0, 6), [1, 2, 3, 4, 5, 1]);
  });

  test(`${title}: a full queue refuses, and nothing is lost of what it took`, async () => {
    let acceptedCount = 0;
    let refusal: unknown;
    for (
      ;
      acceptedCount < 500 && refusal === undefined;
      acceptedCount += refusal === undefined ? 1 : 0
    )
      refusal = await bus.cast(
        'full',
        'go',
        { n: acceptedCount },
        { ...anyRequest, messageId: `m${acceptedCount}` },
      );
    assert.ok(isFault(refusal) && refusal.kind === 'unavailable', `${acceptedCount} were taken`);
    assert.ok(
      acceptedCount >= 50 && acceptedCount <= 50 + beyondQueue,
      `${acceptedCount} were taken`,
    );
    const got: unknown[] = [];
    const allReceived = Promise.withResolvers<void>();
    bus.serve('full', {
      go: async ({ n }) => {
        got.push(n);
        if (got.length === acceptedCount) allReceived.resolve();
        return undefined;
      },
    });
    await allReceived.promise;
    assert.deepEqual(
      got,
      Array.from({ length: acceptedCount }, (_, n) => n),
    );
  });

  test(`${title}: consumers of one topic share its messages, each one goes to one of them`, async () => {
    const counts = [0, 0];
    const gate = Promise.withResolvers<undefined>();
    for (const index of [0, 1])
      bus.serve(
        'shared',
        {
          go: async () => {
            counts[index]! += 1;
            return gate.promise;
          },
        },
        { concurrency: 5 },
      );
    const calls = Array.from({ length: 10 }, () => bus.call('shared', 'go', {}, callOptions));
    gate.resolve(undefined);
    await Promise.all(calls);
    assert.deepEqual(counts, [5, 5]);
  });

  test(`${title}: a fanout reaches every consumer there is`, async () => {
    const reached = [Promise.withResolvers<unknown>(), Promise.withResolvers<unknown>()];
    for (const one of reached)
      bus.serve('all', {
        tell: async ({ n }) => {
          one.resolve(n);
          return undefined;
        },
      });
    await bus.fanout('all', 'tell', { n: 7 }, anyRequest);
    assert.deepEqual(await Promise.all(reached.map((one) => one.promise)), [7, 7]);
  });

  test(`${title}: closing a consumer waits for its work and hands the rest to others`, async () => {
    const gate = Promise.withResolvers<undefined>();
    const begun = Promise.withResolvers<void>();
    const serving = bus.serve(
      'drain',
      {
        slow: async () => {
          begun.resolve();
          await gate.promise;
          return 'first';
        },
      },
      { concurrency: 1 },
    );
    const inWork = bus.call('drain', 'slow', {}, callOptions);
    await begun.promise;
    const queued = bus.call('drain', 'slow', {}, callOptions);
    await bus.cast('drain', 'slow', {}, anyRequest);
    let closed = false;
    const closing = serving.close().then(() => (closed = true));
    const refusal = await queued;
    assert.equal(isFault(refusal) && refusal.kind, 'unavailable');
    assert.equal(closed, false);
    gate.resolve(undefined);
    await closing;
    assert.equal(await inWork, 'first');
    const received = Promise.withResolvers<void>();
    bus.serve('drain', {
      slow: async () => {
        received.resolve();
        return undefined;
      },
    });
    await received.promise;
  });

  test(`${title}: a closed bus refuses`, async () => {
    bus.serve('t', { go: async () => 1 });
    await bus.close();
    const outcomes = [
      await bus.call('t', 'go', {}, callOptions),
      await bus.cast('t', 'go', {}, anyRequest),
    ];
    assert.deepEqual(
      outcomes.map((outcome) => isFault(outcome) && outcome.kind),
      ['unavailable', 'unavailable'],
    );
  });
}
