// Records of deleted images go after a while, and the space they took.
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
