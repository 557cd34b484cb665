// How a host reaches a volume: Cinder tells Nova in an attachment's `connection_info`, Nova tells
// the hypervisor in the guest's spec.

/** A disk image on an NFS share, for a host's mount or for QEMU's own client. */
export interface NfsConnection {
  protocol: 'nfs';
  server: string;
  /** The exported path, e.g. `/vol`. */
  share: string;
  /** The image that takes writes, relative to the share. */
  file: string;
  format: 'qcow2' | 'raw';
}

/** A volume of a simulated backend: nothing carries its bytes. */
export interface SimulatedConnection {
  protocol: 'sim';
  volume: string;
}

export type VolumeConnection = NfsConnection | SimulatedConnection;
