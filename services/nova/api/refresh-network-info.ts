// Refreshes Nova's network info cache of a server before a request is answered in which the API
// itself changed the server's ports at Neutron.
import { isFault } from '#contracts/common/fault.ts';
import type { NovaDeps } from '../deps.ts';
import { conductorClient } from '../rpc-clients.ts';

const timeoutMs = 30_000;

/**
 * Asks the conductor to refresh the cache. On failure the cache stays stale until the conductor's
 * periodic task refreshes it.
 */
export async function refreshNetworkInfo(
  deps: NovaDeps,
  serverId: string,
  requestId: string,
): Promise<void> {
  const refresh = await conductorClient(deps).call(
    'refreshNetworkInfo',
    { serverId },
    { timeoutMs, requestId },
  );
  if (isFault(refresh))
    deps.log.warn(
      { server: serverId, req: requestId, why: refresh.message },
      'network info is healed later',
    );
}
