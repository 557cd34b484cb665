// Volumes of existing guests: attach, detach, resize, and switch to another image for a snapshot,
// as ports/hypervisor.ts describes.
import type { VolumeConnection } from '#contracts/cinder/volume-connection.ts';
import { fault, isFault, type Outcome } from '#contracts/common/fault.ts';
import type { DiskBus, GuestVolume } from '#contracts/nova/guest.ts';
import { runTool } from './child-process.ts';
import type { Driver } from './driver.ts';
import { frozen } from './freeze-guest.ts';
import { asOutcome } from './outcome.ts';
import { onDomain, plug, unplug, type DeviceKind } from './plugging.ts';
import { AFFECT, BLOCK_RESIZE_BYTES, SNAPSHOT } from './rpc/flags.ts';
import { remote, type Domain } from './rpc/protocol.ts';
import { lockVolumes, releaseUnused } from './volume-locks.ts';
import {
  disksIn,
  snapshotXml,
  volumesIn,
  volumeSource,
  volumeXml,
  type DomainDisk,
  type VolumeSource,
} from './volume-xml.ts';

const volumeKind: DeviceKind = { name: 'volume', idsIn: volumesIn };
const gib = 1024 ** 3;
/** Deadline for calls in which QEMU opens an image over the network. */
const storageMs = 60_000;

export function attachVolume(
  driver: Driver,
  uuid: string,
  volume: GuestVolume,
): Promise<Outcome<void>> {
  return onDomain(driver, uuid, async (domain) => {
    const source = volumeSource(volume.connection, driver.settings.mounts);
    if (isFault(source)) return source;
    const disks = [
      ...disksIn(await driver.domains.definition(domain)),
      ...disksIn(await driver.domains.liveXml(domain)),
    ];
    const other = disks.find(
      ({ target, volumeId }) => target === volume.device && volumeId !== volume.volumeId,
    );
    if (other)
      return fault('conflict', `guest ${uuid} has another disk at ${volume.device}`, {
        device: volume.device,
      });
    let isPlugged = false;
    try {
      const locked = await lockVolumes(driver, uuid, [{ volume, source }]);
      if (isFault(locked)) return locked;
      await plug(
        driver,
        domain,
        volumeKind,
        volume.volumeId,
        volumeXml({ volume, source }, { diskCache: await driver.diskCache() }),
      );
      isPlugged = true;
    } finally {
      // If the volume was attached before, its lock may be on another image than the one requested
      // now.
      if (!isPlugged || disks.some(({ volumeId }) => volumeId === volume.volumeId))
        await releaseUnused(driver, uuid);
    }
  });
}

export function detachVolume(
  driver: Driver,
  uuid: string,
  volumeId: string,
): Promise<Outcome<void>> {
  return driver.locks.run(uuid, async () => {
    const detachResult = await asOutcome(async () => {
      const domain = await driver.domains.find(uuid);
      return domain
        ? await unplug(driver, domain, volumeKind, volumeId)
        : fault('notFound', `no guest ${uuid} on this host`);
    });
    await releaseUnused(driver, uuid); // also if the volume or guest was removed earlier
    return detachResult;
  });
}

export function volumesOf(driver: Driver, uuid: string): Promise<Outcome<string[]>> {
  return onDomain(driver, uuid, async (domain) => [
    ...new Set([
      ...volumesIn(await driver.domains.definition(domain)),
      ...volumesIn(await driver.domains.liveXml(domain)),
    ]),
  ]);
}

export function resizeVolume(
  driver: Driver,
  uuid: string,
  volumeId: string,
  sizeGib: number,
): Promise<Outcome<void>> {
  return onDomain(driver, uuid, async (domain) => {
    const disk = diskOf(await driver.domains.liveXml(domain), volumeId);
    if (!disk) return missing(uuid, volumeId);
    const active = await driver.domains.isActive(domain);
    const size = BigInt(sizeGib * gib);
    const capacity = active
      ? (
          await driver.client.call(
            remote.domainGetBlockInfo,
            { domain, path: disk.target, flags: 0 },
            storageMs,
          )
        ).capacity
      : await virtualSize(driver, disk);
    if (capacity > size)
      return fault(
        'conflict',
        `volume ${volumeId} has ${capacity} bytes already, more than ${sizeGib} GiB`,
      );
    if (capacity === size) return;
    if (!active)
      await runTool(
        'qemu-img',
        ['resize', '-q', '-f', disk.format, nameOf(driver, disk), String(size)],
        storageMs,
      );
    else
      await driver.client.call(
        remote.domainBlockResize,
        { domain, disk: disk.target, size, flags: BLOCK_RESIZE_BYTES },
        storageMs,
      );
  });
}

// The image's name for a qemu-img started by this process. To be used only while the guest is off,
// so that nobody else has the image open.
function nameOf({ settings: { mounts } }: Driver, { server, path }: DomainDisk): string {
  if (server !== '') return `nfs://${server}${path}`;
  const mount = mounts.find((each) => path.startsWith(`${each.path}/`));
  return mount ? (mount.outside ?? mount.path) + path.slice(mount.path.length) : path;
}

async function virtualSize(driver: Driver, disk: DomainDisk): Promise<bigint> {
  const info = await runTool(
    'qemu-img',
    ['info', '-f', disk.format, '--output=json', nameOf(driver, disk)],
    storageMs,
  );
  // The JSON output of qemu-img info.
  return BigInt((JSON.parse(info) as { 'virtual-size': number })['virtual-size']);
}

export function snapshotVolume(
  driver: Driver,
  uuid: string,
  volumeId: string,
  next: VolumeConnection,
): Promise<Outcome<void>> {
  return onDomain(driver, uuid, async (domain) => {
    const source = volumeSource(next, driver.settings.mounts);
    if (isFault(source)) return source;
    try {
      const locked = await lockVolumes(driver, uuid, [{ volume: { volumeId }, source }]);
      if (isFault(locked)) return locked;
      const switchResult = (await driver.domains.isActive(domain))
        ? await switchLive(driver, domain, volumeId, source)
        : undefined;
      return isFault(switchResult)
        ? switchResult
        : await switchDefinition(driver, domain, volumeId, source);
    } finally {
      await releaseUnused(driver, uuid);
    }
  });
}

/**
 * Switches the running guest. Does nothing if the disk already writes to that image: making an
 * image its own backing file would destroy its data.
 */
async function switchLive(
  driver: Driver,
  domain: Domain,
  volumeId: string,
  source: VolumeSource,
): Promise<Outcome<void>> {
  const xml = await driver.domains.liveXml(domain);
  const disk = diskOf(xml, volumeId);
  if (!disk) return missing(domain.uuid, volumeId);
  if (disk.path === source.path) return;
  const others = disksIn(xml)
    .filter(({ target }) => target !== disk.target)
    .map(({ target }) => target);
  const flags = SNAPSHOT.diskOnly | SNAPSHOT.reuseExternal | SNAPSHOT.noMetadata | SNAPSHOT.atomic;
  await frozen(driver, domain, async () => {
    await driver.client.call(
      remote.domainSnapshotCreateXml,
      { domain, xml: snapshotXml(disk.target, others, source), flags },
      storageMs,
    );
  });
}

/**
 * Replaces the disk in the definition, including libvirt's notes about backing images: QEMU reads
 * those from the images.
 */
async function switchDefinition(
  driver: Driver,
  domain: Domain,
  volumeId: string,
  source: VolumeSource,
): Promise<Outcome<void>> {
  const disk = diskOf(await driver.domains.definition(domain), volumeId);
  if (!disk) return missing(domain.uuid, volumeId);
  if (disk.path === source.path) return;
  // The bus was written by volumeXml.
  const volume = { volumeId, device: disk.target, bus: disk.bus as DiskBus };
  await driver.client.call(remote.domainUpdateDeviceFlags, {
    domain,
    xml: volumeXml({ volume, source }, { diskCache: await driver.diskCache() }).join('\n'),
    flags: AFFECT.config,
  });
}

const diskOf = (xml: string, volumeId: string): DomainDisk | undefined =>
  disksIn(xml).find((disk) => disk.volumeId === volumeId);
const missing = (uuid: string, volumeId: string) =>
  fault('notFound', `guest ${uuid} has no volume ${volumeId}`);
