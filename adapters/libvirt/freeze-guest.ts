// Freezes a guest's file systems through its agent while `work` runs, so that a disk copy is
// consistent. Called by volumes.ts and snapshot-root.ts.
import { isFault } from '#contracts/common/fault.ts';
import type { Driver } from './driver.ts';
import { asOutcome } from './outcome.ts';
import { remote, type Domain } from './rpc/protocol.ts';

const freezeMs = 10_000;

/**
 * Runs `work` while the guest's file systems are frozen, and also if the freeze fails. A guest
 * without an agent costs no time, because libvirt knows whether its channel is open.
 */
export async function frozen<T>(
  driver: Driver,
  domain: Domain,
  work: () => Promise<T>,
): Promise<T> {
  const freezeResult = await asOutcome(() =>
    driver.client.call(remote.domainFsFreeze, { domain, mountpoints: [], flags: 0 }, freezeMs),
  );
  if (isFault(freezeResult))
    driver.log.debug({ server: domain.uuid, why: freezeResult.message }, 'the guest is not frozen');
  try {
    return await work();
  } finally {
    // Also after a failed freeze: it may have taken effect after its deadline.
    const thawResult = await asOutcome(() =>
      driver.client.call(remote.domainFsThaw, { domain, mountpoints: [], flags: 0 }, freezeMs),
    );
    if (isFault(thawResult) && !isFault(freezeResult))
      driver.log.error(
        { server: domain.uuid, why: thawResult.message },
        'a frozen guest is not thawed',
      );
  }
}
