// Purges records of images deleted some time ago, and gives their space in the database back.
import { reclaimSpace } from '#platform/db/reclaim-space.ts';
import type { Task } from '#platform/tasks/tasks.ts';
import { purgeImages } from '../../store/images.ts';
import type { GlanceParts } from '../parts.ts';

const everyMs = 60 * 60_000;

export function purgeDeletedImages({ database, clock, config, log }: GlanceParts): Task {
  return {
    name: 'glance.purge-deleted',
    everyMs,
    scope: 'one',
    run: async () => {
      const images = await purgeImages(database.db, clock.now() - config.keepDeletedMs);
      if (images === 0) return;
      log.info({ images, bytes: await reclaimSpace(database) }, 'deleted images purged');
    },
  };
}
