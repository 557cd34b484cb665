// The states of a host: every row of the table is tested, and no path leads to an evacuation
// without proof that the host is fenced.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { HaState } from '#contracts/ha/host-states.ts';
import { haStates } from '#contracts/ha/host-states.ts';
import type { HaEvent } from './host-state.ts';
import { after, failingStates, fencedStates, haEvents } from './host-state.ts';

describe('the states of a host', () => {
  it('are left by these events and by no others', () => {
    const wanted: readonly [HaState, HaEvent, HaState][] = [
      ['Healthy', 'silent', 'Suspect'],
      ['Suspect', 'heard', 'Healthy'],
      ['Suspect', 'confirmed', 'Confirming'],
      ['Confirming', 'heard', 'Healthy'],
      ['Confirming', 'doubted', 'Suspect'],
      ['Confirming', 'agreed', 'Fencing'],
      ['Fencing', 'fenced', 'Fenced'],
      ['Fencing', 'unfenceable', 'FailedToFence'],
      ['FailedToFence', 'heard', 'Healthy'],
      ['FailedToFence', 'retried', 'Fencing'],
      ['FailedToFence', 'acknowledged', 'Fenced'],
      ['Fenced', 'forcedDown', 'Evacuating'],
      ['Evacuating', 'recovered', 'Recovered'],
      ['Recovered', 'returned', 'Healthy'],
    ];
    const found = haStates.flatMap((state) =>
      haEvents.flatMap((event): [HaState, HaEvent, HaState][] => {
        const next = after(state, event);
        return next ? [[state, event, next]] : [];
      }),
    );
    const sorted = (rows: readonly (readonly string[])[]) => rows.map(String).sort();
    assert.deepEqual(sorted(found), sorted(wanted));
  });

  it('each leads on, and is reached', () => {
    for (const state of haStates) {
      assert.ok(
        haEvents.some((event) => after(state, event) !== undefined),
        `${state} ends`,
      );
      assert.ok(
        haStates.some((from) => haEvents.some((event) => after(from, event) === state)),
        `${state} is never reached`,
      );
    }
  });

  it('whatever happens, servers are moved only after a proof or a word of a person', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...haEvents), { maxLength: 60 }), (events) => {
        let state: HaState = 'Healthy';
        let isProven = false;
        for (const event of events) {
          const next = after(state, event);
          if (!next) continue;
          if (event === 'fenced' || event === 'acknowledged') isProven = true;
          if (next === 'Healthy') isProven = false;
          state = next;
          if (fencedStates.includes(state)) assert.ok(isProven, `${state} without a proof`);
        }
      }),
    );
  });

  it('count as failing from the confirmation until all is moved', () => {
    assert.deepEqual(failingStates, [
      'Confirming',
      'Fencing',
      'FailedToFence',
      'Fenced',
      'Evacuating',
    ]);
  });
});
