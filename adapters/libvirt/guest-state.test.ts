// libvirt's states in Nova's terms, row by row (virDomainState, virDomainEventType in
// libvirt-domain.h).
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { GuestState } from '#contracts/nova/guest.ts';
import { guestState, stateAfterEvent } from './guest-state.ts';

const states: [state: number, reason: number, hasManagedSave: boolean, expected: GuestState][] = [
  [1, 1, false, 'running'],
  [2, 0, false, 'running'],
  [3, 1, false, 'paused'],
  [3, 11, false, 'shutoff'], // starting up: has not run yet
  [4, 0, false, 'running'],
  [5, 1, false, 'shutoff'],
  [5, 0, false, 'crashed'], // after a power failure libvirtd knows no reason
  [5, 3, false, 'crashed'],
  [5, 8, false, 'crashed'],
  [5, 6, false, 'crashed'], // its process died while it was being started
  [5, 5, true, 'suspended'],
  [6, 0, false, 'crashed'],
  [7, 0, false, 'suspended'],
  [0, 0, false, 'shutoff'],
];
for (const [state, reason, saved, expected] of states) {
  it(`libvirt state ${state}, reason ${reason}${saved ? ' with a managed save' : ''} is ${expected}`, () =>
    assert.equal(guestState(state, reason, saved), expected));
}

const events: [event: number, detail: number, expected: GuestState | null][] = [
  [0, 0, null],
  [1, 0, 'absent'],
  [2, 0, 'running'],
  [3, 0, 'paused'],
  [4, 0, 'running'],
  [5, 0, 'shutoff'],
  [5, 1, 'shutoff'],
  [5, 2, 'crashed'],
  [5, 4, 'suspended'],
  [5, 5, 'crashed'],
  [6, 0, null],
  [7, 0, 'suspended'],
  [8, 0, 'crashed'],
  [99, 0, null],
];
for (const [event, detail, expected] of events) {
  it(`lifecycle event ${event}, detail ${detail} leaves it ${expected ?? 'as it was'}`, () =>
    assert.equal(stateAfterEvent(event, detail), expected));
}
