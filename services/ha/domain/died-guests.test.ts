// Which guests count as died after a sequence of reports from their host.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GuestState } from '#contracts/nova/guest.ts';
import { followGuests, hasDied } from './died-guests.ts';

/** Whether the guest counts as died after each report; null: its hypervisor did not answer. */
function reports(...states: (GuestState | null)[]): boolean[] {
  let previous: { bootId: string; ran: string[] } | undefined;
  return states.map((state) => {
    const guests = state === null ? null : [{ uuid: 'a', state }];
    previous = { bootId: 'b1', ran: followGuests(previous, { bootId: 'b1', guests }) };
    return state !== null && hasDied({ uuid: 'a', state }, previous.ran, false);
  });
}

test('a guest that was running and is reported as crashed has died, until it runs again', () => {
  assert.deepEqual(reports('running', 'crashed', 'crashed', 'running', 'crashed'), [
    false,
    true,
    true,
    false,
    true,
  ]);
  assert.deepEqual(reports('paused', 'crashed'), [false, true]);
  assert.deepEqual(reports('running', null, 'crashed'), [false, false, true]);
});

test('a crashed guest that never ran, or was shut off or suspended before, does not count as died', () => {
  assert.deepEqual(reports('crashed', 'crashed'), [false, false]);
  assert.deepEqual(reports('running', 'shutoff', 'crashed'), [false, false, false]);
  assert.deepEqual(reports('running', 'suspended'), [false, false]);
});

test('a boot of the host clears the record of guests that have run', () => {
  const crashed = [{ uuid: 'a', state: 'crashed' as const }];
  assert.deepEqual(followGuests({ bootId: 'b1', ran: ['a'] }, { bootId: 'b1', guests: crashed }), [
    'a',
  ]);
  assert.deepEqual(
    followGuests({ bootId: 'b1', ran: ['a'] }, { bootId: 'b2', guests: crashed }),
    [],
  );
});

test('a crashed guest that HA has started counts as died even if no report showed it running', () => {
  assert.ok(hasDied({ uuid: 'a', state: 'crashed' }, [], true));
  assert.ok(!hasDied({ uuid: 'a', state: 'shutoff' }, [], true));
  assert.ok(!hasDied({ uuid: 'a', state: 'running' }, ['a'], true));
});
