// Periodic task: offloads servers that have been shelved for `shelvedOffloadMs`, and those whose
// earlier offload failed, e.g. because the host was down.
import { serverLock } from '#contracts/nova/operations.ts';
import { transaction } from '#platform/db/transaction.ts';
import type { Task } from '#platform/tasks/tasks.ts';
import type { NovaDeps } from '../../deps.ts';
import { isUp } from '../../domain/service-state.ts';
import { enqueueOperation } from '../../operations.ts';
import { conductorClient } from '../../rpc-clients.ts';
import { insertAction } from '../../store/actions.ts';
import { computeBinary, listServices } from '../../store/hosts.ts';
import { beginTask, shelvedOnHosts } from '../../store/servers.ts';

const everyMs = 60_000;
const perRound = 50;
/** Servers shelved more recently are skipped: their own request may be about to offload them. */
const leastMs = 60_000;

export function offloadShelved(deps: NovaDeps): Task {
  const { db } = deps.database;
  const { clock, config, ids } = deps;
  return {
    name: 'nova.offload-shelved',
    everyMs,
    scope: 'one',
    async run() {
      const nowMs = clock.now();
      const services = await listServices(db, { binary: computeBinary });
      const hosts = services.filter((service) => isUp(service, nowMs, config));
      const due = await shelvedOnHosts(db, {
        hosts: hosts.map(({ host }) => host),
        beforeMs: nowMs - Math.max(leastMs, config.shelvedOffloadMs),
        // If offloading by time is off, only volume-backed servers are selected: they never stay on
        // their host.
        withImage: config.shelvedOffloadMs >= 0,
        limit: perRound,
      });
      for (const server of due) {
        const requestId = ids.requestId();
        await transaction(db, async (trx) => {
          if (!(await beginTask(trx, server.id, ['shelved'], 'shelving_offloading', clock.now())))
            return;
          const actionId = ids.uuid();
          const action = {
            id: actionId,
            serverId: server.id,
            action: 'shelveOffload',
            requestId,
            projectId: server.project_id,
            userId: server.user_id,
          };
          await insertAction(trx, action, clock.now());
          await enqueueOperation(deps, trx, {
            name: 'nova.offload-server',
            lockKey: serverLock(server.id),
            input: { serverId: server.id, actionId },
            requestId,
          });
        });
      }
      if (due.length > 0)
        await conductorClient(deps).cast('wakeSagas', {}, { requestId: ids.requestId() });
    },
  };
}
