// Periodic task: refreshes the network info cache of all servers in turn, in case an event from
// Neutron was lost.
import { isFault } from '#contracts/common/fault.ts';
import type { Task } from '#platform/tasks/tasks.ts';
import type { NovaDeps } from '../../deps.ts';
import { serversWithNics } from '../../store/nics.ts';
import { refreshNetworkInfo } from '../connect-nics.ts';

/** Servers in one run of the task. The more servers there are, the longer a whole round takes. */
const perRound = 100;

export function healNetworkInfo(deps: NovaDeps): Task {
  let after = '';
  return {
    name: 'nova.heal-network-info',
    everyMs: deps.config.healNetworkInfoMs,
    scope: 'one',
    run: async (signal) => {
      const ids = await serversWithNics(deps.database.db, after, perRound);
      after = ids.length < perRound ? '' : (ids.at(-1) ?? '');
      for (const id of ids) {
        if (signal.aborted) return;
        const refreshed = await refreshNetworkInfo(deps, id, { requestId: deps.ids.requestId() });
        if (isFault(refreshed))
          return deps.log.warn({ server: id, why: refreshed.message }, 'network info not healed');
      }
    },
  };
}
