// Periodic task: removes the volumes, snapshots and images of requests that died while creating
// them, which is known by the missing heartbeat of their row.
import { isFault } from '#contracts/common/fault.ts';
import type { Task } from '#platform/tasks/tasks.ts';
import type { NovaDeps } from '../../deps.ts';
import { abandonedIds } from '../../store/pending-resources.ts';
import { removeAbandoned } from '../remove-abandoned.ts';

const everyMs = 2_000;
const maxPerRun = 100;

export function removeAbandonedResources(deps: NovaDeps): Task {
  return {
    name: 'nova.remove-abandoned-resources',
    everyMs,
    scope: 'one',
    run: async (signal) => {
      for (const id of await abandonedIds(deps.database.db, deps.clock.now(), maxPerRun)) {
        if (signal.aborted) return;
        const removal = await removeAbandoned(deps, id);
        if (isFault(removal))
          deps.log.debug({ pending: id, why: removal.message }, 'resources are not removed yet');
      }
    },
  };
}
