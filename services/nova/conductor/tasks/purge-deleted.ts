// Periodic task: removes the rows of servers that were deleted longer than `keepDeletedMs` ago, and
// returns the space to the file system. Until then they are readable (changes-since, action log).
import { reclaimSpace } from '#platform/db/reclaim-space.ts';
import type { Task } from '#platform/tasks/tasks.ts';
import type { NovaDeps } from '../../deps.ts';
import { purgeDeleted } from '../../store/purge.ts';

const everyMs = 60 * 60_000;

export function purgeDeletedTask({ database, clock, config, log }: NovaDeps): Task {
  return {
    name: 'nova.purge-deleted',
    everyMs,
    scope: 'one',
    run: async () => {
      const servers = await purgeDeleted(
        database.db,
        clock.now() - config.keepDeletedMs,
        clock.now(),
      );
      if (servers === 0) return;
      log.info({ servers, bytes: await reclaimSpace(database) }, 'deleted servers purged');
    },
  };
}
