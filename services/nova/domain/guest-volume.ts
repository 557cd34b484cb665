// A server's volume as its host is told of it. Pure.
import type { VolumeConnection } from '#contracts/cinder/volume-connection.ts';
import type { GuestVolume } from '#contracts/nova/guest.ts';
import type { ServerVolume } from '../store/volumes.ts';

/** As its host is told; undefined: not connected yet. */
export const guestVolume = (row: ServerVolume): GuestVolume | undefined =>
  row.connection === null
    ? undefined
    : // written as this by conductor/connect-volumes.ts
      connectedVolume(row, JSON.parse(row.connection) as VolumeConnection);

/** As its host is told, of one that is reached by this connection. */
export const connectedVolume = (row: ServerVolume, connection: VolumeConnection): GuestVolume => ({
  volumeId: row.volume_id,
  connection,
  device: row.device,
  bus: row.bus,
  bootIndex: row.boot_index,
});
