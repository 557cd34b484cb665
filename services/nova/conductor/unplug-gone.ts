// A port that was deleted in Neutron itself leaves an interface behind in the guest: it is
// unplugged.
import { isFault } from '#contracts/common/fault.ts';
import type { NovaDeps } from '../deps.ts';
import { agentOn } from '../rpc-clients.ts';
import { findNic } from '../store/nics.ts';
import { findServer } from '../store/servers.ts';

const timeoutMs = 60_000;

/**
 * Whatever fails here is mended at the guest's next start at the latest: its switch port leads
 * nowhere.
 */
export async function unplugGone(
  deps: NovaDeps,
  serverId: string,
  portId: string,
  requestId: string,
): Promise<void> {
  const { db } = deps.database;
  const [server, nic] = [await findServer(db, serverId, null), await findNic(db, serverId, portId)];
  // A saga at work on the server deletes ports itself.
  if (!server || server.host === null || server.task_state !== null || !nic) return;
  const outcome = await agentOn(deps, server.host).call(
    'detachNic',
    { uuid: serverId, portId },
    { timeoutMs, requestId },
  );
  if (isFault(outcome))
    deps.log.warn(
      { server: serverId, port: portId, req: requestId, why: outcome.message },
      'the interface of a deleted port stays plugged in',
    );
}
