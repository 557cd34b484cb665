// Detaches an interface from a guest after its port was deleted directly in Neutron.
import { isFault } from '#contracts/common/fault.ts';
import type { NovaDeps } from '../deps.ts';
import { agentOn } from '../rpc-clients.ts';
import { findNic } from '../store/nics.ts';
import { findServer } from '../store/servers.ts';

const timeoutMs = 60_000;

/**
 * Unplugs the interface of a port that was deleted. Not retried: if the interface stays, it has no
 * connection, because its switch port no longer exists, and the guest's next start omits it.
 */
export async function unplugDeletedPort(
  deps: NovaDeps,
  serverId: string,
  portId: string,
  requestId: string,
): Promise<void> {
  const { db } = deps.database;
  const [server, nic] = [await findServer(db, serverId, null), await findNic(db, serverId, portId)];
  // If the server has a task state, its saga may have deleted the port and handles the interface.
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
