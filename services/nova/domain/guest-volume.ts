// A server's volume in the form in which the nova-agent on its host receives it. Pure.
import type { VolumeConnection } from '#contracts/cinder/volume-connection.ts';
import type { GuestVolume } from '#contracts/nova/guest.ts';
import type { ServerVolume } from '../store/volumes.ts';

/** The volume as its row has it; undefined: it is connected to no host. */
export const guestVolume = (row: ServerVolume): GuestVolume | undefined =>
  row.connection === null
    ? undefined
    : // written by conductor/connect-volumes.ts
      connectedVolume(row, JSON.parse(row.connection) as VolumeConnection);

/** The volume as connected to a host; `connection`: how that host reaches it. */
export const connectedVolume = (row: ServerVolume, connection: VolumeConnection): GuestVolume => ({
  volumeId: row.volume_id,
  connection,
  device: row.device,
  bus: row.bus,
  bootIndex: row.boot_index,
});
