// Holds the guest's file systems still for a moment, where a guest agent answers: what is copied
// meanwhile is whole.
import { isFault } from '#contracts/common/fault.ts';
import type { Driver } from './driver.ts';
import { asOutcome } from './outcome.ts';
import { remote, type Domain } from './rpc/protocol.ts';

const freezeMs = 10_000;

/**
 * `work` is done in any case. Guests without an agent say so at once: libvirt knows whether their
 * channel is open.
 */
export async function frozen<T>(
  driver: Driver,
  domain: Domain,
  work: () => Promise<T>,
): Promise<T> {
  const froze = await asOutcome(() =>
    driver.client.call(remote.domainFsFreeze, { domain, mountpoints: [], flags: 0 }, freezeMs),
  );
  if (isFault(froze))
    driver.log.debug({ server: domain.uuid, why: froze.message }, 'the guest is not frozen');
  try {
    return await work();
  } finally {
    // Also after a refusal that came too late to be believed.
    const thawed = await asOutcome(() =>
      driver.client.call(remote.domainFsThaw, { domain, mountpoints: [], flags: 0 }, freezeMs),
    );
    if (isFault(thawed) && !isFault(froze))
      driver.log.error(
        { server: domain.uuid, why: thawed.message },
        'a frozen guest is not thawed',
      );
  }
}
