// Copies a guest's root disk at one point in time: QEMU mirrors it while the guest runs, and the
// mirror job is ended as soon as it is complete.
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

/** Upper bound for a large disk on a slow host. */
const copyMs = 2 * 60 * 60_000;
const pollEveryMs = 100;

export function snapshotRoot(driver: Driver, uuid: string): Promise<Outcome<DiskCopy>> {
  return onDomain(driver, uuid, async (domain) => {
    const { disk, rootCopy } = driver.folder.guest(uuid);
    const target = disksIn(await driver.domains.liveXml(domain)).find(
      (each) => each.path === disk,
    )?.target;
    if (target === undefined)
      return fault('conflict', `guest ${uuid} has no root disk on this host`);
    const remove = () => rm(rootCopy, { force: true });
    const copyResult = await asOutcome(async () => {
      const active = await driver.domains.isActive(domain);
      if (active) await stopCopy(driver, domain, target); // begun by an earlier process
      await remove();
      if (active) return await mirror(driver, domain, target, rootCopy);
      const copied = await driver.diskImages.run(
        ['convert', '-f', 'qcow2', '-O', 'qcow2', disk, rootCopy],
        { timeoutMs: copyMs },
      );
      return isFault(copied) ? copied : undefined;
    });
    if (isFault(copyResult)) {
      await remove();
      return copyResult;
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
  // With discard='unmap' QEMU skips clusters that the guest never wrote, instead of reading all of
  // them for zeros.
  const destination = `<disk type='file'><source file='${escape(to)}'/><driver type='qcow2' discard='unmap'/></disk>`;
  // The guest's writes go to the copy synchronously, so that it catches up even with a busy guest.
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
    const { found: hasJob } = await driver.client.call(remote.domainGetBlockJobInfo, {
      domain,
      path: target,
      flags: 0,
    });
    if (hasJob === 0)
      return fault('unavailable', `the copy of the root disk of guest ${domain.uuid} broke off`);
    if (driver.now() >= untilMs) {
      await stopCopy(driver, domain, target);
      return fault('timeout', `the root disk of guest ${domain.uuid} is not copied in time`);
    }
    await delay(pollEveryMs);
  }
  await frozen(driver, domain, async () => await stopCopy(driver, domain, target));
}

/** Ends the mirror job, if there is one, and waits until QEMU has released the copy. */
async function stopCopy(driver: Driver, domain: Domain, target: string): Promise<void> {
  const { found: hasJob } = await driver.client.call(remote.domainGetBlockJobInfo, {
    domain,
    path: target,
    flags: 0,
  });
  if (hasJob !== 0)
    await driver.client.call(remote.domainBlockJobAbort, { domain, path: target, flags: 0 });
}
