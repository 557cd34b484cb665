// What time and crashes leave: old messages, and files on their way that no step of this life
// began.
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Task } from '#platform/tasks/tasks.ts';
import type { CinderParts } from '../parts.ts';
import { purgeMessages } from '../store/messages.ts';

export const purgeMessagesTask = ({ database: { db }, clock }: CinderParts): Task => ({
  name: 'cinder.purge-messages',
  everyMs: 3_600_000,
  scope: 'one',
  run: async () => await purgeMessages(db, clock.now()),
});

/** Steps remove their own files, so what is older than this process died with an earlier one. */
export function emptySpool({ spoolDir, log }: CinderParts, startedAtMs: number): Task {
  return {
    name: 'cinder.empty-spool',
    everyMs: 3_600_000,
    scope: 'every',
    atStart: true,
    async run() {
      await mkdir(spoolDir, { recursive: true });
      for (const name of await readdir(spoolDir)) {
        const path = join(spoolDir, name);
        // a step may remove its own meanwhile
        const facts = await stat(path).catch(() => undefined);
        if (!facts || facts.mtimeMs >= startedAtMs) continue;
        await rm(path, { force: true, recursive: true });
        log.info({ path }, 'a file of an earlier life was removed');
      }
    },
  };
}
