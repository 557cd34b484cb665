// What a killed process leaves: images for ever in saving, unfinished files, files of deleted
// images. Level-triggered, idempotent.
import type { Task } from '#platform/tasks/tasks.ts';
import { abandonUpload, neededKeys, staleUploads } from '../../store/uploads.ts';
import type { GlanceParts } from '../parts.ts';

export function mendUploads(parts: GlanceParts): Task {
  const {
    database: { db },
    store,
    clock,
    config,
    writing,
    log,
  } = parts;
  return {
    name: 'glance.mend-uploads',
    everyMs: 60_000,
    scope: 'one',
    atStart: true,
    async run() {
      const seenBefore = clock.now() - config.uploadLeaseMs;
      for (const key of await staleUploads(db, seenBefore)) {
        if (writing.has(key)) continue;
        await abandonUpload(db, key, clock.now(), seenBefore);
        log.info({ key }, 'an upload that died with its process was given up');
      }
      // Listed first, looked up after: a key is in the database before its file is, so a listed
      // file without a row is an orphan.
      const files = await store.list();
      const needed = await neededKeys(db, [...new Set(files.map(({ key }) => key))]);
      for (const { key, sizeBytes } of files) {
        if (needed.has(key) || writing.has(key)) continue;
        await store.remove(key);
        log.info({ key, sizeBytes }, 'data that no image needs was removed');
      }
    },
  };
}
