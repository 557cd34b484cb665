import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CompiledQuery } from 'kysely';
import { systemClock } from '#platform/clock.ts';
import { currentFence, withFence } from '#platform/fence.ts';
import { inProcessTransport } from './in-process-transport.ts';

test('a fenced task may write: its lease is not of the database of the API server', async () => {
  let isLost = false;
  const fence = {
    key: 'task',
    token: 1,
    assertHeld() {
      if (isLost) throw new Error('the lease is lost');
    },
    check: CompiledQuery.raw('SELECT 1'),
  };
  const fencesSeen: unknown[] = [];
  const transport = inProcessTransport(
    {
      async handle() {
        fencesSeen.push(currentFence());
        return { status: 200, headers: {}, body: {} };
      },
    },
    { name: 'ha', groups: [] },
    systemClock,
  );
  const send = async () =>
    await withFence(
      fence,
      async () => await transport.send({ method: 'PATCH', path: '/', timeoutMs: 1_000 }),
    );
  await send();
  assert.deepEqual(fencesSeen, [undefined]);
  isLost = true;
  await assert.rejects(send, /the lease is lost/);
  assert.equal(fencesSeen.length, 1);
});
