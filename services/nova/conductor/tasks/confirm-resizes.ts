// Periodic task: confirms resizes that have waited longer than `resizeConfirmWindowMs`; does
// nothing if that is 0.
import { transaction } from '#platform/db/transaction.ts';
import type { Task } from '#platform/tasks/tasks.ts';
import { beginResizeEnd } from '../../begin-resize-end.ts';
import type { NovaDeps } from '../../deps.ts';
import { conductorClient } from '../../rpc-clients.ts';
import { unconfirmedResizes } from '../../store/server-migrations.ts';

const everyMs = 30_000;
const perRound = 100;

export const confirmResizes = (deps: NovaDeps): Task => ({
  name: 'nova.confirm-resizes',
  everyMs,
  scope: 'one',
  run: async (signal) => {
    const { clock, config, database, ids, log } = deps;
    const { resizeConfirmWindowMs: windowMs } = config;
    if (windowMs === 0) return;
    const waiting = await unconfirmedResizes(database.db, clock.now() - windowMs, perRound);
    for (const migration of waiting) {
      if (signal.aborted) return;
      const requestId = ids.requestId();
      const by = { requestId, projectId: migration.project_id, userId: migration.user_id };
      const begun = await transaction(
        database.db,
        async (trx) => await beginResizeEnd(deps, trx, migration, 'confirm', by, clock.now()),
      );
      if (!begun) continue;
      log.info({ server: migration.server_id, req: requestId }, 'a resize is confirmed by itself');
      await conductorClient(deps).cast('wakeSagas', {}, { requestId });
    }
  },
});
