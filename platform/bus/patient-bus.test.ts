// The patient bus repeats a call that nobody took, for a while, and returns every other fault at
// once.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import { createFakeClock } from '../testing/fake-clock.ts';
import type { Bus } from './bus.ts';
import { notDelivered } from './bus.ts';
import { patientBus } from './patient-bus.ts';

/** A bus that gives `answers` to one call after the other, and then the last of them for ever. */
function setUp(...answers: Outcome<Json | undefined>[]) {
  const clock = createFakeClock();
  const timeouts: number[] = [];
  const below = {
    async call(
      _topic: string,
      _method: string,
      _params: object,
      { timeoutMs }: { timeoutMs: number },
    ) {
      timeouts.push(timeoutMs);
      return answers.length > 1 ? answers.shift() : answers[0];
    },
  } as unknown as Bus; // nothing else is called
  const bus = patientBus(below, { clock, patienceMs: 10_000 });
  const call = bus.call('compute.h1', 'stopGuest', {}, { timeoutMs: 60_000, requestId: 'req-1' });
  return { clock, timeouts, call };
}

test('a call is repeated until the agent is back, with the time that is left', async () => {
  const { clock, timeouts, call } = setUp(notDelivered('nobody'), notDelivered('nobody'), null);
  await clock.advance(2_000);
  assert.equal(await call, null);
  assert.deepEqual(timeouts, [60_000, 59_500, 59_000]);
});

test('an agent that stays away makes the call fail at its deadline', async () => {
  const { clock, timeouts, call } = setUp(notDelivered('nobody'));
  await clock.advance(20_000);
  const answer = await call;
  assert.ok(isFault(answer) && answer.message === 'nobody');
  assert.equal(timeouts.length, 21);
});

test('an agent that dies late in its work is waited for with the full patience, from its death on', async () => {
  const clock = createFakeClock();
  let calls = 0;
  const below = {
    async call() {
      calls += 1;
      if (calls === 1) await clock.sleep(30_000);
      return calls < 4 ? notDelivered('it died') : null;
    },
  } as unknown as Bus; // nothing else is called
  const call = patientBus(below, { clock, patienceMs: 10_000 }).call(
    'compute.h1',
    'stopGuest',
    {},
    { timeoutMs: 60_000, requestId: 'req-1' },
  );
  await clock.advance(35_000);
  assert.equal(await call, null);
  assert.equal(calls, 4);
});

test('a refusal by the agent is not repeated', async () => {
  const { timeouts, call } = setUp(fault('unavailable', 'libvirt is away'));
  assert.ok(isFault(await call));
  assert.equal(timeouts.length, 1);
});
