// Which guests of a host have died, as against those that were off before, or were switched off:
// seen to run in this boot, and crashed since. Told from what their agent reports, one heartbeat
// after the other, so that neither an agent nor a service that is started anew forgets it. Pure.
import type { Heartbeat } from '#contracts/ha/wire.ts';
import type { GuestState } from '#contracts/nova/guest.ts';

interface Reported {
  uuid: string;
  state: GuestState;
}

/** Those that have run in this boot of the host, and were not switched off since. */
export function followGuests(
  before: { bootId: string; ran: readonly string[] } | undefined,
  { bootId, guests }: Pick<Heartbeat, 'bootId' | 'guests'>,
): string[] {
  const ran = new Set(before?.bootId === bootId ? before.ran : []);
  // The hypervisor does not answer: they run as they ran.
  if (guests === null) return [...ran];
  return guests
    .filter(({ uuid, state }) => isUp(state) || (state === 'crashed' && ran.has(uuid)))
    .map(({ uuid }) => uuid);
}

const isUp = (state: GuestState): boolean => state === 'running' || state === 'paused';

/**
 * Whether it is one to start again. `startedHere`: HA has started it on this host after it had died
 * once: it may have died anew before anybody saw it run.
 */
export const hasDied = (
  { uuid, state }: Reported,
  ran: readonly string[],
  startedHere: boolean,
): boolean => state === 'crashed' && (startedHere || ran.includes(uuid));
