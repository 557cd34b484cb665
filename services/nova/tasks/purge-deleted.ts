// Deleted servers stay readable for a while (changes-since, action log), then their rows go.
import type { Task } from '#platform/tasks/tasks.ts';
import type { NovaDeps } from '../deps.ts';
import { purgeDeleted } from '../store/purge.ts';

const everyMs = 60 * 60_000;

export function purgeDeletedTask({ database: { db }, clock, config, log }: NovaDeps): Task {
  return {
    name: 'nova.purge-deleted',
    everyMs,
    run: async () => {
      const servers = await purgeDeleted(db, clock.now() - config.keepDeletedMs, clock.now());
      if (servers > 0) log.info({ servers }, 'deleted servers purged');
    },
  };
}
