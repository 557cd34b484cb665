// Asks the scheduler to choose a host for a server and to claim its resources, for a new guest or a
// move. Called by the sagas that build, unshelve or move a server.
import { isFault } from '#contracts/common/fault.ts';
import type { Wanted } from '#contracts/nova/scheduler-rpc.ts';
import { placementClient } from '#openstack/clients/placement.ts';
import type { NovaDeps } from '../deps.ts';
import { schedulerClient } from '../rpc-clients.ts';
import { changeServer } from '../store/servers.ts';

// Longer than the scheduler's own timeout towards Placement.
const scheduleTimeoutMs = 55_000;

/**
 * Has a host chosen and claimed for the server; faults as for SchedulerRpc.selectHost. `migration`:
 * uuid of a move's migration record, which becomes the Placement consumer of the allocation on the
 * source host.
 */
export const chooseHost = async (
  deps: NovaDeps,
  server: { serverId: string; migration?: string },
  wanted: Wanted,
  requestId: string,
) =>
  await schedulerClient(deps).call(
    'selectHost',
    { ...server, wanted },
    { timeoutMs: scheduleTimeoutMs, requestId },
  );

/**
 * Undoes the choice for a new guest: releases its allocation and clears its server group
 * reservation.
 */
export async function giveUpHost(
  deps: NovaDeps,
  serverId: string,
  requestId: string,
): Promise<void> {
  const released = await placementClient(deps, { token: null, requestId }).release(serverId);
  if (isFault(released)) throw new Error(`release the claim: ${released.message}`);
  await changeServer(deps.database.db, serverId, { reserved_host: null }, deps.clock.now());
}
