// A server's volume in the form in which the nova-agent on its host receives it. Pure.
import type { VolumeConnection } from '#contracts/cinder/volume-connection.ts';
import type { GuestVolume } from '#contracts/nova/guest.ts';
import type { ServerVolume } from '../store/volumes.ts';

/** undefined: the volume is not connected yet. */
export const guestVolume = (row: ServerVolume): GuestVolume | undefined =>
  row.connection === null
    ? undefined
    : // written by conductor/connect-volumes.ts
      connectedVolume(row, JSON.parse(row.connection) as VolumeConnection);

/** `connection`: how the host reaches the volume. */
export const connectedVolume = (row: ServerVolume, connection: VolumeConnection): GuestVolume => ({
  volumeId: row.volume_id,
  connection,
  device: row.device,
  bus: row.bus,
  bootIndex: row.boot_index,
});
