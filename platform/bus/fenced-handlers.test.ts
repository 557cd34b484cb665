// An agent refuses messages from a saga runner that has lost its claim to another process.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isFault } from '#contracts/common/fault.ts';
import { systemClock } from '../clock.ts';
import { withFence } from '../fence.ts';
import { systemIds } from '../ids.ts';
import { Lease } from '../lease.ts';
import { silentLog } from '../log.ts';
import { fencedHandlers } from './fenced-handlers.ts';
import { createInProcessBus } from './in-process-bus.ts';

const check = { sql: '', parameters: [], query: { kind: 'RawNode' } } as never; // never run

test('of two claims of one key the older one is refused once the newer one was heard', async () => {
  const bus = createInProcessBus({ clock: systemClock, ids: systemIds, log: silentLog });
  const carriedOut: string[] = [];
  bus.serve(
    'agent',
    fencedHandlers({
      stop: async ({ by }) => {
        carriedOut.push(by as string);
        return null;
      },
    }),
  );
  const send = async (by: string, key: string | null, token = 0) => {
    const call = async () =>
      await bus.call('agent', 'stop', { by }, { requestId: 'req-1', timeoutMs: 5_000 });
    if (key === null) return await call();
    const lease = new Lease({ key, token }, check, systemClock, systemClock.now() + 60_000);
    return await withFence(lease, call);
  };
  const refusals = [
    await send('first', 'server:a', 1),
    await send('second', 'server:a', 2),
    await send('first, late', 'server:a', 1),
    await send('second again', 'server:a', 2),
    await send('of another key', 'server:b', 1),
    await send('without a fence', null),
  ].map((answer) => isFault(answer) && answer.kind);
  assert.deepEqual(refusals, [false, false, 'conflict', false, false, false]);
  assert.deepEqual(carriedOut, [
    'first',
    'second',
    'second again',
    'of another key',
    'without a fence',
  ]);
  await bus.close();
});
