// Cleans up after killed processes: images left in status saving or uploading, unfinished files,
// files of deleted images. Level-triggered, idempotent.
import type { Task } from '#platform/tasks/tasks.ts';
import { isDead } from '../../domain/upload.ts';
import { abandonDeadUpload, neededKeys, runningUploads } from '../../store/uploads.ts';
import type { GlanceParts } from '../parts.ts';

export function mendUploads(parts: GlanceParts): Task {
  const { db } = parts.database;
  const { store, clock, config, writing, processName, log } = parts;
  return {
    name: 'glance.mend-uploads',
    everyMs: 60_000,
    scope: 'one',
    atStart: true,
    async run(signal) {
      const own = { name: processName, writing };
      for (const upload of await runningUploads(db)) {
        signal.throwIfAborted();
        const nowMs = clock.now();
        if (!isDead(upload, own, { nowMs, leaseMs: config.uploadLeaseMs })) continue;
        if (await abandonDeadUpload(db, upload, nowMs))
          log.warn({ key: upload.key }, 'an upload that died with its process was abandoned');
      }
      // Files are listed before keys are looked up: a key is in the database before its file
      // exists, so a listed file without a row is an orphan; and since keys are never reused, it
      // stays one.
      const files = await store.list();
      const needed = await neededKeys(db, [...new Set(files.map(({ key }) => key))]);
      for (const { key, sizeBytes } of files) {
        signal.throwIfAborted();
        if (needed.has(key) || writing.has(key)) continue;
        await store.remove(key);
        log.info({ key, sizeBytes }, 'data that no image needs was removed');
      }
    },
  };
}
