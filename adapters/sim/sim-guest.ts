// Creates the record of a simulated guest from its definition, and reports its diagnostics. Used by
// all modules of the simulated hypervisor, which also ask here whether a guest is active.
import type { GuestDiagnostics, GuestSpec } from '#contracts/nova/guest.ts';
import { simVolume } from './sim-guest-volumes.ts';
import type { SimGuest } from './sim-world.ts';

/** The cached images that a guest is built from. */
export function imageIds(spec: Pick<GuestSpec, 'rootDisk' | 'kernel'>): string[] {
  return [spec.rootDisk?.image, spec.kernel?.kernel, spec.kernel?.ramdisk].flatMap((image) =>
    image ? [image.id] : [],
  );
}

export function isActive(guest: SimGuest): boolean {
  return guest.state === 'running' || guest.state === 'paused';
}

/** A new guest of a simulated host: off, never booted. */
export function newGuest(spec: GuestSpec, disk: string): SimGuest {
  return {
    uuid: spec.uuid,
    name: spec.name,
    displayName: spec.displayName,
    vcpus: spec.vcpus,
    memoryMib: spec.memoryMib,
    diskGib: (spec.rootDisk?.sizeGib ?? 0) + spec.ephemeralGib,
    imageIds: imageIds(spec.rootDisk?.isCopy ? { ...spec, rootDisk: null } : spec),
    state: 'shutoff',
    bootedAtMs: 0,
    boots: 0,
    rescue: null,
    nics: spec.nics.map(({ portId }) => portId),
    volumes: spec.volumes.map(simVolume),
    rootless: spec.rootDisk === null,
    disk,
    offer: null,
  };
}

/** The guest with a new definition; state and disk are kept. */
export const definedAnew = (guest: SimGuest, spec: GuestSpec): SimGuest => ({
  ...newGuest(spec, guest.disk ?? ''),
  state: guest.state,
  boots: guest.boots,
  bootedAtMs: guest.bootedAtMs,
  rescue: guest.rescue,
});

export function simDiagnostics(guest: SimGuest, nowMs: number): GuestDiagnostics {
  const uptimeMs = isActive(guest) ? nowMs - guest.bootedAtMs : 0;
  return {
    state: guest.state,
    uptimeS: Math.floor(uptimeMs / 1000),
    cpuTimeNs: Array.from({ length: guest.vcpus }, () => uptimeMs * 1_000),
    memoryMib: guest.memoryMib,
    memoryUsedMib: isActive(guest) ? Math.ceil(guest.memoryMib / 2) : 0,
    disks: guest.diskGib > 0 ? [{ target: 'vda', ...noTraffic }] : [],
  };
}

const noTraffic = {
  readBytes: 0,
  readRequests: 0,
  writeBytes: 0,
  writeRequests: 0,
  errors: 0,
};
