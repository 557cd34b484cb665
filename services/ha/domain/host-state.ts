// The states of a host as a table: which event takes it where. The engine alone raises events, one
// at a time for each host.
import type { HaState } from '#contracts/ha/host-states.ts';
import { haStates } from '#contracts/ha/host-states.ts';

export const haEvents = [
  'silent', // its agent has not been heard for too long
  'heard', // its agent is heard again
  'confirmed', // two independent sources say that it is dead
  'doubted', // they do not say so any more
  'agreed', // they said so for long enough, and no more hosts fail than may be acted upon
  'fenced', // it is proven that no guest of it runs
  'unfenceable', // that cannot be proven
  'retried', // what fences is tried again
  'acknowledged', // an operator says that it is off
  'forcedDown', // Nova takes it for down
  'recovered', // nothing is left to move
  'returned', // it runs again, without its old guests
] as const;
export type HaEvent = (typeof haEvents)[number];

/** Any other event is refused: it is of another state. */
const table: Readonly<Record<HaState, Partial<Record<HaEvent, HaState>>>> = {
  Healthy: { silent: 'Suspect' },
  Suspect: { heard: 'Healthy', confirmed: 'Confirming' },
  Confirming: { heard: 'Healthy', doubted: 'Suspect', agreed: 'Fencing' },
  // From here on it is not called alive because it is heard: its power may have been cut already.
  Fencing: { fenced: 'Fenced', unfenceable: 'FailedToFence' },
  // Nothing was moved, so one that is heard again goes on.
  FailedToFence: { heard: 'Healthy', retried: 'Fencing', acknowledged: 'Fenced' },
  Fenced: { forcedDown: 'Evacuating' },
  Evacuating: { recovered: 'Recovered' },
  Recovered: { returned: 'Healthy' },
};

export const after = (state: HaState, event: HaEvent): HaState | undefined => table[state][event];

/** In these no guest of the host runs: its servers may be started elsewhere. */
export const fencedStates: readonly HaState[] = ['Fenced', 'Evacuating', 'Recovered'];

/** In these the host counts among those that fail together. */
export const failingStates: readonly HaState[] = haStates.filter(
  (state) => state !== 'Healthy' && state !== 'Suspect' && state !== 'Recovered',
);
