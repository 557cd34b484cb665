// The HA states of a host as a transition table: event -> next state. Only the engine (and an
// operator's acknowledgement) raises events, one at a time for each host.
import type { HaState } from '#contracts/ha/host-states.ts';
import { haStates } from '#contracts/ha/host-states.ts';

export const haEvents = [
  'silent', // no heartbeat for too long
  'heard', // heartbeats arrive again, or HA must not act on the host any more
  'confirmed', // two independent sources say that the host is dead
  'doubted', // the two sources no longer agree that the host is dead
  'agreed', // they have agreed for long enough, and the limit of failing hosts allows fencing
  'fenced', // it is proven that no guest of the host runs
  'unfenceable', // it cannot be proven that none runs
  'retried', // fencing is tried again
  'acknowledged', // an operator vouches that the host is off
  'forcedDown', // Nova has it as forced down
  'recovered', // no server is left to evacuate
  'returned', // the host is back in service, without its old guests
] as const;
export type HaEvent = (typeof haEvents)[number];

/** Transitions by state and event. An event that is not listed is refused. */
const table: Readonly<Record<HaState, Partial<Record<HaEvent, HaState>>>> = {
  Healthy: { silent: 'Suspect' },
  Suspect: { heard: 'Healthy', confirmed: 'Confirming' },
  Confirming: { heard: 'Healthy', doubted: 'Suspect', agreed: 'Fencing' },
  // A heartbeat no longer makes the host Healthy from here on: its power may already have been cut.
  Fencing: { fenced: 'Fenced', unfenceable: 'FailedToFence' },
  // No server was evacuated yet, so a host whose heartbeats arrive again is Healthy.
  FailedToFence: { heard: 'Healthy', retried: 'Fencing', acknowledged: 'Fenced' },
  Fenced: { forcedDown: 'Evacuating' },
  Evacuating: { recovered: 'Recovered' },
  Recovered: { returned: 'Healthy' },
};

export const after = (state: HaState, event: HaEvent): HaState | undefined => table[state][event];

/** The text by which an incident's timeline records the change. */
export const transition = (from: HaState, to: HaState): string => `${from} → ${to}`;

/** States in which no guest of the host runs, so that its servers may be started elsewhere. */
export const fencedStates: readonly HaState[] = ['Fenced', 'Evacuating', 'Recovered'];

/** States in which a host counts towards the limit of hosts failing at the same time. */
export const failingStates: readonly HaState[] = haStates.filter(
  (state) => state !== 'Healthy' && state !== 'Suspect' && state !== 'Recovered',
);
