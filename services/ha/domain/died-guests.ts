// Finds the guests of a host that died, as opposed to guests that were stopped: those that have
// been running in this boot of the host and are crashed now. Derived from the sequence of stored
// heartbeats, so that a restart of the agent or of this service loses nothing. Pure.
import type { Heartbeat } from '#contracts/ha/wire.ts';
import type { GuestState } from '#contracts/nova/guest.ts';

interface Reported {
  uuid: string;
  state: GuestState;
}

/**
 * The guests that have run in this boot of the host and were not stopped since. `before`: the
 * result for the previous heartbeat.
 */
export function followGuests(
  before: { bootId: string; ran: readonly string[] } | undefined,
  { bootId, guests }: Pick<Heartbeat, 'bootId' | 'guests'>,
): string[] {
  const ranGuests = new Set(before?.bootId === bootId ? before.ran : []);
  // The hypervisor did not answer: assume that the guests still run.
  if (guests === null) return [...ranGuests];
  return guests
    .filter(({ uuid, state }) => isUp(state) || (state === 'crashed' && ranGuests.has(uuid)))
    .map(({ uuid }) => uuid);
}

const isUp = (state: GuestState): boolean => state === 'running' || state === 'paused';

/**
 * Whether the guest died and should be restarted. `startedHere`: HA has already restarted it on
 * this host; then it may have died again before any heartbeat showed it running.
 */
export const hasDied = (
  { uuid, state }: Reported,
  ranGuests: readonly string[],
  startedHere: boolean,
): boolean => state === 'crashed' && (startedHere || ranGuests.includes(uuid));
