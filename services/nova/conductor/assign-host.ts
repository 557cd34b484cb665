// Writes the host that the scheduler chose into the server's row. A step of the sagas that build or
// unshelve a server.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import type { TaskState } from '#contracts/nova/server-states.ts';
import { transaction } from '#platform/db/transaction.ts';
import type { NovaDeps } from '../deps.ts';
import type { ServerChange } from '../store/servers.ts';
import { changeDuring, findServer, lockServer } from '../store/servers.ts';

/**
 * Does nothing unless the server's task_state is one of `tasks`. concurrentUpdate: the server is in
 * a server group, and another scheduling decision has reserved a different host for it.
 */
export async function assignHost(
  { database: { db }, clock }: NovaDeps,
  serverId: string,
  tasks: readonly TaskState[],
  change: ServerChange & { host: string },
): Promise<Outcome<void>> {
  return await transaction(db, async (trx) => {
    await lockServer(trx, serverId);
    const server = await findServer(trx, serverId, null);
    if (!server) return undefined;
    if (server.server_group_id !== null && server.reserved_host !== change.host)
      return fault('concurrentUpdate', `Host ${change.host} is not reserved for ${serverId}.`);
    await changeDuring(trx, serverId, tasks, change, clock.now());
    return undefined;
  });
}
