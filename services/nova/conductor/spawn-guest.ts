// Builds a new guest on the chosen host, or destroys a half-built one. Called by the sagas that
// build and unshelve a server.
import type { Outcome } from '#contracts/common/fault.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { GuestImage } from '#contracts/nova/guest.ts';
import type { NovaDeps } from '../deps.ts';
import { agentOn } from '../rpc-clients.ts';
import type { Server } from '../store/servers.ts';
import { describeGuest } from './describe-guest.ts';

const destroyTimeoutMs = 60_000;
/**
 * Deadline of the step that calls `buildOn`: the image may first have to be downloaded to the host.
 */
export const spawnDeadlineMs = 15 * 60_000;

export async function buildOn(
  deps: NovaDeps,
  server: Server,
  host: string,
  { requestId, shelvedDisk = null }: { requestId: string; shelvedDisk?: GuestImage | null },
): Promise<Outcome<void>> {
  const spec = await describeGuest(deps, server, { shelvedDisk });
  const build = await agentOn(deps, host).call(
    'buildGuest',
    { spec },
    { timeoutMs: spawnDeadlineMs, requestId },
  );
  return isFault(build) ? build : undefined;
}

/**
 * Removes what a failed build may have left on the host. unavailable: the host does not answer, and
 * may have the guest. Throws on any other refusal.
 */
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
