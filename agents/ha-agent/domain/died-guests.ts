// Which guests of a host have died, as against those that were off before, or were switched off:
// seen to run in this boot, and crashed since. Pure.
import type { GuestState } from '#contracts/nova/guest.ts';

interface Listed {
  uuid: string;
  state: GuestState;
}

/** `ran`: those that have run, and were not switched off since. */
export function followGuests(
  ran: ReadonlySet<string>,
  listed: readonly Listed[],
): { ran: Set<string>; guests: (Listed & { died?: true })[] } {
  const isUp = ({ state }: Listed): boolean => state === 'running' || state === 'paused';
  const hasDied = ({ uuid, state }: Listed): boolean => state === 'crashed' && ran.has(uuid);
  return {
    ran: new Set(listed.filter((guest) => isUp(guest) || hasDied(guest)).map(({ uuid }) => uuid)),
    guests: listed.map(({ uuid, state }) => ({
      uuid,
      state,
      ...(hasDied({ uuid, state }) ? { died: true as const } : {}),
    })),
  };
}
