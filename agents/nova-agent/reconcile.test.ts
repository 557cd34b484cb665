// The repair of each guest at the agent's start, as a table; a guest about which the agent gets no
// answer is left alone.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ExpectedGuest } from '#contracts/nova/conductor-rpc.ts';
import type { GuestState } from '#contracts/nova/guest.ts';
import type { Repair } from './reconcile.ts';
import { decide } from './reconcile.ts';

const states: readonly GuestState[] = ['running', 'paused', 'suspended', 'shutoff', 'crashed'];
const guest = (state: GuestState, uuid = 'g') => ({ uuid, name: 'instance-1', state });
const one = (
  state: GuestState,
  want: ExpectedGuest['want'],
  busy = false,
  resumeGuests = true,
): Repair['action'] | undefined =>
  decide([guest(state)], [{ uuid: 'g', want, busy, nics: null, volumes: null }], {
    resumeGuests,
  })[0]?.action;

describe('mending a host', () => {
  it('removes what does not belong there, in whatever state', () => {
    for (const state of states) assert.equal(one(state, 'remove'), 'destroy', state);
  });

  it('starts what died and should run, and only that', () => {
    assert.equal(one('crashed', 'run'), 'start');
    for (const state of states.filter((name) => name !== 'crashed'))
      assert.equal(one(state, 'run'), undefined, state);
    for (const state of states) assert.equal(one(state, 'keep'), undefined, state);
  });

  it('ends what another host is about to have, and keeps its disks', () => {
    for (const state of states)
      assert.equal(
        one(state, 'stop'),
        state === 'running' || state === 'paused' ? 'stop' : undefined,
        state,
      );
  });

  it('starts nothing where the operator does not want it', () => {
    assert.equal(one('crashed', 'run', false, false), undefined);
    assert.equal(one('running', 'remove', false, false), 'destroy');
  });

  it('leaves a busy server to its saga', () => {
    for (const want of ['run', 'keep', 'remove'] as const)
      for (const state of states)
        assert.equal(one(state, want, true), undefined, `${want} ${state}`);
  });

  it('leaves alone what nobody said anything about, and does not invent what is not there', () => {
    assert.deepEqual(decide([guest('running', 'stranger')], [], { resumeGuests: true }), []);
    assert.deepEqual(
      decide(
        [],
        [
          { uuid: 'g', want: 'run', busy: false, nics: null, volumes: null },
          { uuid: 'g2', want: 'remove', busy: false, nics: null, volumes: null },
        ],
        { resumeGuests: true },
      ),
      [],
    );
  });
});
