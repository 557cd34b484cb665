// Copies a guest's root disk as it is at one moment: QEMU mirrors it while the guest goes on, and
// the mirror is cut off at once.
import { createReadStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { fault, isFault, type Outcome } from '#contracts/common/fault.ts';
import type { DiskCopy } from '#ports/hypervisor.ts';
import type { Driver } from './driver.ts';
import { frozen } from './freeze-guest.ts';
import { asOutcome } from './outcome.ts';
import { onDomain } from './plugging.ts';
import { BLOCK_COPY } from './rpc/flags.ts';
import { remote, type Domain } from './rpc/protocol.ts';
import { disksIn } from './volume-xml.ts';
import { escape } from './xml-text.ts';

/** Also a large disk on a slow host. */
const copyMs = 2 * 60 * 60_000;
const lookEveryMs = 100;

export function snapshotRoot(driver: Driver, uuid: string): Promise<Outcome<DiskCopy>> {
  return onDomain(driver, uuid, async (domain) => {
    const { disk, rootCopy } = driver.folder.guest(uuid);
    const target = disksIn(await driver.domains.liveXml(domain)).find(
      (each) => each.path === disk,
    )?.target;
    if (target === undefined)
      return fault('conflict', `guest ${uuid} has no root disk on this host`);
    const remove = () => rm(rootCopy, { force: true });
    const made = await asOutcome(async () => {
      const active = await driver.domains.isActive(domain);
      if (active) await stopCopy(driver, domain, target); // one that an earlier life began
      await remove();
      if (active) return await mirror(driver, domain, target, rootCopy);
      const copied = await driver.diskImages.run(
        ['convert', '-f', 'qcow2', '-O', 'qcow2', disk, rootCopy],
        { timeoutMs: copyMs },
      );
      return isFault(copied) ? copied : undefined;
    });
    if (isFault(made)) {
      await remove();
      return made;
    }
    return {
      sizeBytes: (await stat(rootCopy)).size,
      open: () => createReadStream(rootCopy),
      remove,
    };
  });
}

async function mirror(
  driver: Driver,
  domain: Domain,
  target: string,
  to: string,
): Promise<Outcome<void>> {
  // Only what may unmap lets QEMU leave out what the guest never wrote, instead of reading all of
  // it for zeros.
  const destination = `<disk type='file'><source file='${escape(to)}'/><driver type='qcow2' discard='unmap'/></disk>`;
  // Writes wait for the copy, so it catches up however busy the guest is.
  await driver.client.call(remote.domainBlockCopy, {
    domain,
    path: target,
    destination,
    parameters: [],
    flags: BLOCK_COPY.transientJob | BLOCK_COPY.synchronousWrites,
  });
  const untilMs = driver.now() + copyMs;
  for (;;) {
    const disk = disksIn(await driver.domains.liveXml(domain)).find(
      (each) => each.target === target,
    );
    if (disk?.isCopied) break;
    const { found } = await driver.client.call(remote.domainGetBlockJobInfo, {
      domain,
      path: target,
      flags: 0,
    });
    if (found === 0)
      return fault('unavailable', `the copy of the root disk of guest ${domain.uuid} broke off`);
    if (driver.now() >= untilMs) {
      await stopCopy(driver, domain, target);
      return fault('timeout', `the root disk of guest ${domain.uuid} is not copied in time`);
    }
    await delay(lookEveryMs);
  }
  await frozen(driver, domain, async () => await stopCopy(driver, domain, target));
}

/** Waits until QEMU has let go of the copy. None under way is fine. */
async function stopCopy(driver: Driver, domain: Domain, target: string): Promise<void> {
  const { found } = await driver.client.call(remote.domainGetBlockJobInfo, {
    domain,
    path: target,
    flags: 0,
  });
  if (found !== 0)
    await driver.client.call(remote.domainBlockJobAbort, { domain, path: target, flags: 0 });
}
