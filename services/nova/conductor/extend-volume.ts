// Tells the host of a server that an attached volume was extended, so that the guest's disk grows.
// Cinder sends the external event `volume-extended`.
import { isFault } from '#contracts/common/fault.ts';
import type { NovaDeps } from '../deps.ts';
import { agentOn } from '../rpc-clients.ts';
import { findServerVolume } from '../store/volumes.ts';
import { ownCinder } from './connect-volumes.ts';

const timeoutMs = 60_000;

/**
 * Tells the host the new size of the volume. Not retried: if it fails, Cinder finishes the
 * extension when the volume is detached.
 */
export async function extendVolume(
  deps: NovaDeps,
  serverId: string,
  volumeId: string,
  requestId: string,
): Promise<void> {
  const row = await findServerVolume(deps.database.db, serverId, volumeId);
  if (!row || row.host === null || row.connection === null) return;
  const volume = await ownCinder(deps, { requestId }).volume(volumeId);
  const outcome = isFault(volume)
    ? volume
    : await agentOn(deps, row.host).call(
        'resizeVolume',
        { uuid: serverId, volumeId, sizeGib: volume.size },
        { timeoutMs, requestId },
      );
  if (isFault(outcome))
    deps.log.warn(
      { server: serverId, volume: volumeId, req: requestId, why: outcome.message },
      'the guest does not see that its volume grew',
    );
}
