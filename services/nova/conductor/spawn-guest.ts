// A new guest on the host that was chosen for its server: built, and destroyed half-built. Called
// by the sagas that build a server and that unshelve one.
import type { Outcome } from '#contracts/common/fault.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { GuestImage } from '#contracts/nova/guest.ts';
import type { NovaDeps } from '../deps.ts';
import { agentOn } from '../rpc-clients.ts';
import type { Server } from '../store/servers.ts';
import { describeGuest } from './describe-guest.ts';

const destroyTimeoutMs = 60_000;
/** Of the step around `buildOn`: an image may have to cross the network first. */
export const spawnDeadlineMs = 15 * 60_000;

export async function buildOn(
  deps: NovaDeps,
  server: Server,
  host: string,
  { requestId, shelvedDisk = null }: { requestId: string; shelvedDisk?: GuestImage | null },
): Promise<Outcome<void>> {
  const spec = await describeGuest(deps, server, { shelvedDisk });
  const built = await agentOn(deps, host).call(
    'buildGuest',
    { spec },
    { timeoutMs: spawnDeadlineMs, requestId },
  );
  return isFault(built) ? built : undefined;
}

/** unavailable: the host is away, and may have the guest. Throws where it refuses. */
export async function destroyHalfBuilt(
  deps: NovaDeps,
  serverId: string,
  host: string,
  requestId: string,
): Promise<Outcome<void>> {
  const destroyed = await agentOn(deps, host).call(
    'destroyGuest',
    { uuid: serverId },
    { timeoutMs: destroyTimeoutMs, requestId },
  );
  if (!isFault(destroyed)) return undefined;
  if (destroyed.kind === 'unavailable') return destroyed;
  throw new Error(`destroy the half-built guest: ${destroyed.message}`);
}
