import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GuestState } from '#contracts/nova/guest.ts';
import { followGuests } from './died-guests.ts';

/** Whether the guest has died, after each look. */
function looks(...states: GuestState[]): boolean[] {
  let ran: ReadonlySet<string> = new Set();
  return states.map((state) => {
    const followed = followGuests(ran, [{ uuid: 'a', state }]);
    ran = followed.ran;
    return followed.guests[0]?.died === true;
  });
}

test('one that ran and crashed has died, until it runs again', () => {
  assert.deepEqual(looks('running', 'crashed', 'crashed', 'running', 'crashed'), [
    false,
    true,
    true,
    false,
    true,
  ]);
  assert.deepEqual(looks('paused', 'crashed'), [false, true]);
});

test('one that was off at first, or was switched off, has not', () => {
  assert.deepEqual(looks('crashed', 'crashed'), [false, false]);
  assert.deepEqual(looks('running', 'shutoff', 'crashed'), [false, false, false]);
  assert.deepEqual(looks('running', 'suspended'), [false, false]);
});
