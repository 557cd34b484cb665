// Copies the disks of a stopped guest between hosts: the source offers them over the network, the
// destination fetches them. The key that protects the offer passes through this saga and is not
// stored.
import type { Outcome } from '#contracts/common/fault.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { GuestSpec } from '#contracts/nova/guest.ts';
import type { NovaDeps } from '../deps.ts';
import { agentOn } from '../rpc-clients.ts';

/** Deadline of the copy, which is also the lifetime of the source host's disk offer. */
export const copyDeadlineMs = 60 * 60_000;
/** Deadline of the destination's check that it has, or can download, the base image. */
const imageTimeoutMs = 15 * 60_000;
/** Deadline of the other calls to agents, which copy nothing. */
const callTimeoutMs = 60_000;

/**
 * Copies the disks from `source` to `dest`. `spec`: the guest as it will be on the destination,
 * where its disks are fetched without its volumes.
 */
export async function copyDisks(
  deps: NovaDeps,
  spec: GuestSpec,
  { source, dest }: { source: string; dest: string },
  { requestId }: { requestId: string },
): Promise<Outcome<void>> {
  const { uuid } = spec;
  const prepared = await agentOn(deps, dest).call(
    'prepareMove',
    { spec },
    { timeoutMs: imageTimeoutMs, requestId },
  );
  // If Glance no longer has the backing image, the disk is sent flattened, with the image's
  // content.
  const flat = isFault(prepared) && prepared.kind === 'notFound';
  if (isFault(prepared) && !flat) return prepared;
  const offer = await agentOn(deps, source).call(
    'offerDisks',
    { uuid, flat, forMs: copyDeadlineMs },
    { timeoutMs: callTimeoutMs, requestId },
  );
  if (isFault(offer)) return offer;
  const fetched = await agentOn(deps, dest).call(
    'fetchDisks',
    { spec: { ...spec, volumes: [] }, offer },
    { timeoutMs: copyDeadlineMs, requestId },
  );
  // An offer that cannot be withdrawn ends after `copyDeadlineMs`, or when the guest starts again.
  await agentOn(deps, source).call(
    'withdrawDisks',
    { uuid },
    { timeoutMs: callTimeoutMs, requestId },
  );
  return isFault(fetched) ? fetched : undefined;
}
