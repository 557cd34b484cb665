// Periodic task: releases allocations in Placement of servers and migrations that no longer need
// them. A late process, for example, may claim resources after its server was deleted.
import { isFault } from '#contracts/common/fault.ts';
import { placementClient } from '#openstack/clients/placement.ts';
import type { Task } from '#platform/tasks/tasks.ts';
import type { NovaDeps } from '../../deps.ts';
import { isOver } from '../../domain/migration-status.ts';
import { hostsByNode } from '../../store/hosts.ts';
import { migrationsAmong } from '../../store/server-migrations.ts';
import { findServer, serversWithoutUse } from '../../store/servers.ts';
import { consumerOf } from '../server-move.ts';

const everyMs = 5 * 60_000;

export function reapClaims(deps: NovaDeps): Task {
  const { db } = deps.database;
  const { ids, log } = deps;
  return {
    name: 'nova.reap-claims',
    everyMs,
    scope: 'one',
    async run(signal) {
      const placement = placementClient(deps, { token: null, requestId: ids.requestId() });
      for (const [nodeUuid, host] of await hostsByNode(db)) {
        if (signal.aborted) return;
        const consumers = await placement.consumers(nodeUuid);
        if (isFault(consumers))
          return log.warn({ host, why: consumers.message }, 'claims not read');
        for (const server of await serversWithoutUse(db, consumers)) {
          const released = await placement.release(server);
          if (isFault(released))
            return log.warn({ server, why: released.message }, 'a claim is not given back yet');
          log.warn({ server, host }, 'a claim that was left behind is given back');
        }
        for (const migration of await migrationsAmong(db, consumers)) {
          if (!isOver(migration.type, migration.status)) continue;
          const server = await findServer(db, migration.server_id, null);
          // After a move that was undone, the migration's allocation on the source goes back to the
          // server.
          const isBack = server?.node === migration.source_node && server?.task_state === null;
          const returned =
            server && isBack
              ? await placement.undoMove(consumerOf(server), migration.uuid)
              : await placement.release(migration.uuid);
          const facts = { migration: migration.uuid, server: migration.server_id, host };
          if (isFault(returned))
            return log.warn({ ...facts, why: returned.message }, 'a claim is not returned yet');
          log.warn(facts, 'the claim of a move that is over is returned');
        }
      }
    },
  };
}
