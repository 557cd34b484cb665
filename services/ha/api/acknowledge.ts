// An operator's acknowledgement of a host: a host that could not be fenced then counts as fenced,
// because a person vouches that it is off; a recovered host may return to service.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import type { HaApiDeps } from '../deps.ts';
import { after, transition } from '../domain/host-state.ts';
import { changeState } from '../store/hosts.ts';
import { noteIncident } from '../store/incidents.ts';
import type { HostRow } from '../store/tables.ts';

/** Returns a sentence that says what follows. conflict: the host is in no state that needs one. */
export async function acknowledge(
  { database, clock, log }: HaApiDeps,
  row: HostRow,
  userId: string,
): Promise<Outcome<string>> {
  const now = clock.now();
  const { host } = row;
  if (row.state === 'Recovered' && row.incident_id !== null) {
    const entry = { atMs: now, what: 'released by an operator', detail: { user: userId } };
    await noteIncident(database.db, row.incident_id, { released: 1 }, entry);
    log.info({ host, user: userId }, 'a recovered host is released');
    return 'It is switched on where it has a BMC, and serves again when it is back.';
  }
  const state = after(row.state, 'acknowledged');
  if (!state) return fault('conflict', `${host} is ${row.state}: there is nothing to acknowledge.`);
  const isChanged = await changeState(
    database.db,
    row,
    {
      state,
      reason: 'an operator says that it is off',
      entry: { what: transition(row.state, state), detail: { by: 'operator', user: userId } },
    },
    now,
  );
  if (!isChanged) return fault('concurrentUpdate', `${host} has just changed; look again.`);
  log.warn({ host, user: userId }, 'an operator says that a host is off');
  return 'It counts as fenced: its servers are evacuated now.';
}
