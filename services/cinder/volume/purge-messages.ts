// Removes user messages whose retention time is over.
import type { Task } from '#platform/tasks/tasks.ts';
import type { CinderDeps } from '../deps.ts';
import { purgeMessages } from '../store/messages.ts';

export const purgeMessagesTask = ({
  database: { db },
  clock,
}: Pick<CinderDeps, 'database' | 'clock'>): Task => ({
  name: 'cinder.purge-messages',
  everyMs: 3_600_000,
  scope: 'one',
  run: async () => await purgeMessages(db, clock.now()),
});
