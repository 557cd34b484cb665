// After a change of a server's ports that the API itself made at Neutron: Nova's record of them is
// read anew before the request is answered.
import { isFault } from '#contracts/common/fault.ts';
import type { NovaDeps } from '../deps.ts';
import { conductorClient } from '../rpc-clients.ts';

const timeoutMs = 30_000;

/** Where it fails, the conductor's task heals the record later. */
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
