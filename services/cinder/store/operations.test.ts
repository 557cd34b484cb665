// The compiler checks names, inputs and lock keys of operations: each wrong call below must not
// compile, otherwise `tsc` reports an unused directive.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { volumeLock } from '#contracts/cinder/operations.ts';
import type { NewSaga } from '#platform/saga/journal.ts';
import { enqueueOperation } from './operations.ts';
import type { CinderDb } from './rows.ts';

const trx = {} as CinderDb; // the queue below writes nothing
const enqueued: NewSaga[] = [];
const deps = {
  ids: { uuid: () => 'id' },
  sagas: { enqueue: async (_: unknown, saga: NewSaga) => void enqueued.push(saga) },
} as unknown as Parameters<typeof enqueueOperation>[0]; // all that enqueueOperation uses

test('an operation is journalled under its name, with its input and lock', async () => {
  const input = { volumeId: 'v', projectId: 'p' };
  await enqueueOperation(deps, trx, 'req-1', {
    name: 'cinder.delete-volume',
    lockKey: volumeLock('v'),
    input,
  });
  assert.deepEqual(enqueued, [
    { id: 'id', requestId: 'req-1', name: 'cinder.delete-volume', lockKey: 'volume:v', input },
  ]);
});

test('a wrong name, input or lock does not compile', async () => {
  const lockKey = volumeLock('v');
  // @ts-expect-error -- there is no such operation
  await enqueueOperation(deps, trx, 'r', { name: 'cinder.copy', lockKey, input: {} });
  await enqueueOperation(deps, trx, 'r', {
    name: 'cinder.delete-volume',
    lockKey,
    // @ts-expect-error -- the project is missing
    input: { volumeId: 'v' },
  });
  await enqueueOperation(deps, trx, 'r', {
    name: 'cinder.release-volume',
    // @ts-expect-error -- no lock of Cinder's
    lockKey: 'server:v',
    input: { volumeId: 'v' },
  });
});
