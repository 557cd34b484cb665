// Volumes of a simulated guest, as records. Called by sim-guest.ts for new guests, and by
// sim-hypervisor.ts, which saves the changes.
import type { VolumeConnection } from '#contracts/cinder/volume-connection.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import type { GuestVolume } from '#contracts/nova/guest.ts';
import type { SimGuest } from './sim-world.ts';

type SimVolume = NonNullable<SimGuest['volumes']>[number];

const imageOf = (connection: VolumeConnection): string =>
  connection.protocol === 'sim' ? connection.volume : connection.file;
export const simVolume = ({ volumeId, device, connection }: GuestVolume): SimVolume => ({
  id: volumeId,
  device,
  image: imageOf(connection),
  sizeGib: 0,
});

/** Attaches the volume; does nothing if it is attached. conflict: its device name is in use. */
export function plugVolume(guest: SimGuest, volume: GuestVolume): Outcome<void> {
  const { volumes = [] } = guest;
  if (volumes.some(({ id }) => id === volume.volumeId)) return;
  if (volumes.some(({ device }) => device === volume.device))
    return fault('conflict', `guest ${guest.uuid} has another disk at ${volume.device}`, {
      device: volume.device,
    });
  guest.volumes = [...volumes, simVolume(volume)];
}

export function unplugVolume(guest: SimGuest, volumeId: string): void {
  guest.volumes = (guest.volumes ?? []).filter(({ id }) => id !== volumeId);
}

export function growVolume(guest: SimGuest, volumeId: string, sizeGib: number): Outcome<void> {
  const volume = guest.volumes?.find(({ id }) => id === volumeId);
  if (!volume) return missing(guest, volumeId);
  if (volume.sizeGib > sizeGib)
    return fault('conflict', `volume ${volumeId} has ${volume.sizeGib} GiB already`);
  volume.sizeGib = sizeGib;
}

export function switchVolume(
  guest: SimGuest,
  volumeId: string,
  next: VolumeConnection,
): Outcome<void> {
  const volume = guest.volumes?.find(({ id }) => id === volumeId);
  if (!volume) return missing(guest, volumeId);
  volume.image = imageOf(next);
}

const missing = (guest: SimGuest, volumeId: string) =>
  fault('notFound', `guest ${guest.uuid} has no volume ${volumeId}`);
