// The destination's side of a live migration: prepares the files that the arriving guest needs, and
// finishes its arrival. In between the source's libvirt talks directly to the one here.
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fault, isFault, type Fault, type Outcome } from '#contracts/common/fault.ts';
import type { GuestSpec } from '#contracts/nova/guest.ts';
import type { GuestArrival, GuestDeparture } from '#contracts/nova/live-migration.ts';
import { markBuilt, planFor, removeGuest } from './build-guest.ts';
import type { Driver } from './driver.ts';
import { makeGuestFiles } from './guest-files.ts';
import { imagesOf, type GuestFile } from './guest-plan.ts';
import { asOutcome } from './outcome.ts';
import { LibvirtError } from './rpc/errors.ts';
import { CPU_INCOMPATIBLE } from './rpc/flags.ts';
import { remote } from './rpc/protocol.ts';
import { holdLocks } from './volume-locks.ts';
import { exists } from './write-whole.ts';

/**
 * See `prepareArrival` in ports/hypervisor.ts. All files are created anew: the source copies only
 * the data above the root disk's backing image, so leftovers of an earlier try would remain visible
 * to the guest.
 */
export function prepareArrival(
  driver: Driver,
  spec: GuestSpec,
  departure: GuestDeparture,
): Promise<Outcome<GuestArrival>> {
  const folder = driver.folder.guest(spec.uuid);
  return driver.locks.run(spec.uuid, () =>
    driver.images.pinned(imagesOf(spec), () =>
      asOutcome<GuestArrival>(async () => {
        if (await driver.domains.find(spec.uuid))
          return fault('conflict', `guest ${spec.uuid} is on this host already`);
        const compared = await compareCpu(driver, departure.cpu);
        if (isFault(compared)) return compared;
        const plan = await planFor(driver, spec, folder);
        if (isFault(plan)) return plan;
        const files = basedAs(plan.files, folder.disk, departure.base);
        if (isFault(files)) return files;
        await rm(folder.root, { recursive: true, force: true });
        await mkdir(folder.root, { recursive: true });
        await mkdir(path.dirname(folder.vncSocket), { recursive: true });
        await writeFile(folder.awaited, '');
        await makeGuestFiles(folder.root, files, driver.diskImages);
        return {
          id: `${spec.uuid} ${driver.now()}`,
          address: driver.settings.hostIp,
          folder: folder.root,
          vncSocket: folder.vncSocket,
          volumes: plan.volumes.map(({ volume, source }) => ({
            volumeId: volume.volumeId,
            server: source.server,
            path: source.path,
          })),
        };
      }),
    ),
  );
}

/**
 * Checks that the root disk has the same backing image as at the source, because only the data
 * above it is copied. A root disk without a backing file at the source (`base` null) becomes blank,
 * and is copied completely.
 */
function basedAs(files: GuestFile[], disk: string, base: string | null): Outcome<GuestFile[]> {
  const root = files.find(({ path: where }) => where === disk);
  if (root?.kind !== 'overlay' && root?.kind !== 'copy') return files;
  if (root.kind === 'overlay' && path.basename(root.backing) === base) return files;
  if (base !== null)
    return fault('badRequest', `the guest's root disk is based on ${base}, not on ${root.backing}`);
  const blank: GuestFile = { kind: 'blank', path: disk, sizeBytes: root.sizeBytes };
  return files.map((file) => (file === root ? blank : file));
}

async function compareCpu(driver: Driver, cpu: string | null): Promise<Outcome<void>> {
  if (cpu === null) return;
  const { emulator, arch, acceleration } = driver.settings;
  const question = {
    emulator,
    arch,
    machine: null,
    cpu,
    flags: 0,
    virtType: acceleration === 'kvm' ? 'kvm' : 'qemu',
  };
  try {
    const { result } = await driver.client.call(remote.connectCompareHypervisorCpu, question);
    return result <= CPU_INCOMPATIBLE ? unacceptable(String(result)) : undefined;
  } catch (error) {
    // libvirt does not know the CPU model at all.
    if (error instanceof LibvirtError) return unacceptable(error.message);
    throw error;
  }
}

const unacceptable = (why: string): Fault =>
  fault(
    'badRequest',
    `Unacceptable CPU info: CPU doesn't have compatibility.\n\n${why}\n\nRefer to http://libvirt.org/html/libvirt-libvirt-host.html#virCPUCompareResult`,
  );

export function abandonArrival(driver: Driver, uuid: string): Promise<Outcome<void>> {
  const folder = driver.folder.guest(uuid);
  return driver.locks.run(uuid, () =>
    asOutcome(async () => {
      // Any domain, whether it is still arriving, runs or is off: it uses the disks in this folder.
      if (await driver.domains.find(uuid))
        return fault('conflict', `guest ${uuid} is on this host`);
      if (await exists(folder.awaited)) await removeGuest(driver, uuid);
    }),
  );
}

export function arrivalState(
  driver: Driver,
  uuid: string,
): Promise<Outcome<'absent' | 'arriving' | 'arrived'>> {
  return asOutcome(async () => {
    const domain = await driver.domains.find(uuid);
    if (!domain) return 'absent';
    return (await driver.domains.isOnItsWay(domain)) ? 'arriving' : 'arrived';
  });
}

export function settleArrival(driver: Driver, uuid: string): Promise<Outcome<void>> {
  const folder = driver.folder.guest(uuid);
  return driver.locks.run(uuid, () =>
    asOutcome(async () => {
      const domain = await driver.domains.find(uuid);
      if (!domain) return fault('notFound', `no guest ${uuid} on this host`);
      if (await driver.domains.isOnItsWay(domain))
        return fault('conflict', `guest ${uuid} has not arrived yet`);
      const locking = await holdLocks(driver, uuid);
      if (isFault(locking)) return locking;
      await markBuilt(folder);
      await rm(folder.awaited, { force: true });
    }),
  );
}

export function forgetDeparted(driver: Driver, uuid: string): Promise<Outcome<void>> {
  return driver.locks.run(uuid, () =>
    asOutcome(async () => {
      const domain = await driver.domains.find(uuid);
      if (domain && (await driver.domains.isActive(domain)))
        return fault('conflict', `guest ${uuid} runs on this host`);
      await removeGuest(driver, uuid);
    }),
  );
}
