// The scheduler chooses a host for a server and claims it: for a new guest, or for a move. Called
// by the sagas that build or move one.
import { isFault } from '#contracts/common/fault.ts';
import type { Wanted } from '#contracts/nova/scheduler-rpc.ts';
import { placementClient } from '#openstack/clients/placement.ts';
import type { NovaDeps } from '../deps.ts';
import { schedulerClient } from '../rpc-clients.ts';
import { changeServer } from '../store/servers.ts';

// Beyond what the scheduler itself waits for Placement.
const scheduleTimeoutMs = 55_000;

/** `migration`: of a move, whose migration holds the claim on the source from then on. */
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

/** Takes the choice for a new guest back: the claim, and what counts for the server's group. */
export async function giveUpHost(
  deps: NovaDeps,
  serverId: string,
  requestId: string,
): Promise<void> {
  const released = await placementClient(deps, { token: null, requestId }).release(serverId);
  if (isFault(released)) throw new Error(`release the claim: ${released.message}`);
  await changeServer(deps.database.db, serverId, { reserved_host: null }, deps.clock.now());
}
