// A server's volume as its host is told of it. Pure.
import type { VolumeConnection } from '#contracts/cinder/volume-connection.ts';
import type { GuestVolume } from '#contracts/nova/guest.ts';
import type { ServerVolume } from '../store/volumes.ts';

/** As its host is told; undefined: not connected yet. */
export function guestVolume(row: ServerVolume): GuestVolume | undefined {
  if (row.connection === null) return undefined;
  // written as this by conductor/connect-volumes.ts
  const connection = JSON.parse(row.connection) as VolumeConnection;
  return {
    volumeId: row.volume_id,
    connection,
    device: row.device,
    bus: row.bus,
    bootIndex: row.boot_index,
  };
}
