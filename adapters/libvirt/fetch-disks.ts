// Fetches the disks of a guest from the host that offers them (offer-disks.ts), and defines the
// guest here, off. Afterwards it is an ordinary guest, which `create` starts.
import { open, rm } from 'node:fs/promises';
import path from 'node:path';
import { fault, isFault, type Outcome } from '#contracts/common/fault.ts';
import type { DiskOffer, GuestSpec } from '#contracts/nova/guest.ts';
import { planFor, realise, removeGuest } from './build-guest.ts';
import type { Driver } from './driver.ts';
import { gib, imagesOf } from './guest-plan.ts';
import { cachedFormat, partSuffix, type GuestFolder } from './host-folder.ts';
import { inOption, writeKey } from './offer-disks.ts';
import { asOutcome } from './outcome.ts';
import { readQcow2Header } from './qcow2-header.ts';
import { lockVolumes } from './volume-locks.ts';
import { finishWhole } from './write-whole.ts';

/** Upper bound for a large disk on a slow network; the caller's deadline is normally shorter. */
const copyMs = 4 * 60 * 60_000;
/** Deadline of a qemu-img call that copies no data. */
const toolMs = 60_000;

/** See `fetchDisks` in ports/hypervisor.ts. */
export function fetchDisks(
  driver: Driver,
  spec: GuestSpec,
  offer: DiskOffer,
  signal?: AbortSignal,
): Promise<Outcome<void>> {
  const folder = driver.folder.guest(spec.uuid);
  return driver.locks.run(spec.uuid, () =>
    driver.images.pinned(imagesOf(spec), () =>
      asOutcome(async () => {
        const existing = await driver.domains.find(spec.uuid);
        if (existing && (await driver.domains.isActive(existing)))
          return fault('conflict', `guest ${spec.uuid} runs on this host`);
        // Anything that an earlier move left here is outdated.
        await removeGuest(driver, spec.uuid);
        const fetched = await fetchAll(driver, spec, offer, folder, signal);
        if (isFault(fetched)) await removeGuest(driver, spec.uuid);
        return fetched;
      }),
    ),
  );
}

async function fetchAll(
  driver: Driver,
  spec: GuestSpec,
  offer: DiskOffer,
  folder: GuestFolder,
  signal: AbortSignal | undefined,
): Promise<Outcome<void>> {
  const keys = path.join(folder.root, 'fetch');
  await writeKey(keys, offer.key);
  try {
    for (const disk of offer.disks) {
      const target = disk.name === 'root' ? folder.disk : folder.ephemeral;
      const part = target + partSuffix;
      const isQcow2 = disk.name === 'root' && offer.flat;
      const copied = await driver.diskImages.run(
        [
          'convert',
          '--object',
          `tls-creds-psk,id=tls,endpoint=client,dir=${inOption(keys)}`,
          '--image-opts',
          '-O',
          isQcow2 ? 'qcow2' : 'raw',
          `driver=raw,file.driver=nbd,file.host=${offer.address},file.port=${disk.port},` +
            `file.export=${disk.name},file.tls-creds=tls`,
          part,
        ],
        { timeoutMs: copyMs, signal },
      );
      if (isFault(copied)) return copied;
      const fitted = await (disk.name === 'root'
        ? fitRoot(driver, spec, part, offer.flat)
        : fitEphemeral(spec, part));
      if (isFault(fitted)) return fitted;
      await finishWhole(target);
    }
  } finally {
    await rm(keys, { recursive: true, force: true });
  }
  const plan = await planFor(driver, spec, folder);
  if (isFault(plan)) return plan;
  const locked = await lockVolumes(driver, spec.uuid, plan.volumes);
  if (isFault(locked)) return locked;
  await realise(driver, spec, folder, plan);
}

/** Sets the fetched root disk's backing file to this host's cached image, and resizes the disk. */
async function fitRoot(
  driver: Driver,
  { rootDisk, uuid }: GuestSpec,
  part: string,
  isFlat: boolean,
): Promise<Outcome<void>> {
  // Disks without a backing file need no rebase: full copies of their image (isCopy), and disks
  // that were sent flattened.
  if (rootDisk?.image && !rootDisk.isCopy && !isFlat) {
    const image = await driver.images.use(rootDisk.image);
    if (isFault(image)) return image;
    const backing = ['-b', image.path, '-F', cachedFormat(rootDisk.image)];
    const rebased = await driver.diskImages.run(
      ['rebase', '-q', '-u', '-f', 'qcow2', ...backing, part],
      { timeoutMs: toolMs },
    );
    if (isFault(rebased)) return rebased;
  }
  const presentBytes = (await readQcow2Header(part))?.virtualSizeBytes;
  if (presentBytes === undefined)
    return fault('unavailable', `the root disk of guest ${uuid} did not arrive whole`);
  const wantedBytes = (rootDisk?.sizeGib ?? 0) * gib;
  if (wantedBytes === 0 || wantedBytes === presentBytes) return;
  if (wantedBytes < presentBytes)
    return fault('badRequest', 'Unable to resize disk down.', { server: uuid });
  return await driver.diskImages.run(['resize', '-q', '-f', 'qcow2', part, String(wantedBytes)], {
    timeoutMs: toolMs,
  });
}

async function fitEphemeral({ ephemeralGib }: GuestSpec, part: string): Promise<void> {
  const file = await open(part, 'r+');
  try {
    const { size } = await file.stat();
    if (size < ephemeralGib * gib) await file.truncate(ephemeralGib * gib);
  } finally {
    await file.close();
  }
}
