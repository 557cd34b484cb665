// Handles Neutron's events about a server's ports: wakes waiting sagas, and refreshes the network
// info cache.
import { isFault } from '#contracts/common/fault.ts';
import type { NetworkEvent } from '#contracts/nova/conductor-rpc.ts';
import type { NovaDeps } from '../deps.ts';
import { findNic } from '../store/nics.ts';
import { wakePlugged } from './await-plugged.ts';
import { refreshNetworkInfo } from './connect-nics.ts';
import { unplugDeletedPort } from './unplug-deleted-port.ts';

export async function networkEvent(
  deps: NovaDeps,
  { serverId, portId, event }: { serverId: string; portId: string | null; event: NetworkEvent },
  requestId: string,
): Promise<null> {
  switch (event) {
    case 'network-vif-plugged':
    case 'network-vif-unplugged':
      wakePlugged(serverId);
      return null;
    case 'network-vif-deleted':
      if (!(await isRecorded(deps, serverId, portId))) return null;
      if (portId !== null) await unplugDeletedPort(deps, serverId, portId, requestId);
      break;
    case 'network-changed':
      if (!(await isRecorded(deps, serverId, portId))) return null;
      break;
  }
  const refreshed = await refreshNetworkInfo(deps, serverId, { requestId });
  if (isFault(refreshed))
    deps.log.warn(
      { server: serverId, req: requestId, why: refreshed.message },
      'network info is healed later',
    );
  return null;
}

/**
 * Whether Nova's rows have this port for the server (an event without a port is about all of them).
 * Neutron sends events by the port's `device_id`, which any tenant can set to another's server.
 */
const isRecorded = async (
  { database: { db } }: NovaDeps,
  serverId: string,
  portId: string | null,
): Promise<boolean> => portId === null || (await findNic(db, serverId, portId)) !== undefined;
