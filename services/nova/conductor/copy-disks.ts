// Copies the disks of a guest that is off from one host to another: the source offers them, the
// destination fetches them. The key of the offer passes through here and is not kept.
import type { Outcome } from '#contracts/common/fault.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { GuestSpec } from '#contracts/nova/guest.ts';
import type { NovaDeps } from '../deps.ts';
import { agentOn } from '../rpc-clients.ts';

/** Of the slowest copy that is waited for. */
export const copyDeadlineMs = 60 * 60_000;
const imageTimeoutMs = 15 * 60_000;
const callTimeoutMs = 60_000;

/** `spec`: the guest as it will be; it is defined on the destination without its volumes. */
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
  // An image that Glance does not have any more travels with the disk.
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
  // One that stays ends by itself, or with the next start of the guest.
  await agentOn(deps, source).call(
    'withdrawDisks',
    { uuid },
    { timeoutMs: callTimeoutMs, requestId },
  );
  return isFault(fetched) ? fetched : undefined;
}
