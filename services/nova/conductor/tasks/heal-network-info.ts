// Network info of servers is read anew, one after the other, for events that were lost.
import { isFault } from '#contracts/common/fault.ts';
import type { Task } from '#platform/tasks/tasks.ts';
import type { NovaDeps } from '../../deps.ts';
import { serversWithNics } from '../../store/nics.ts';
import { refreshNetworkInfo } from '../connect-nics.ts';

/** Servers a round: ten thousand are seen once in two hours, fifty every minute. */
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
