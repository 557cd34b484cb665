// How a host reaches a volume. Cinder tells Nova in an attachment's `connection_info`, Nova tells
// the hypervisor in the guest's definition.

/** A disk image on an NFS share, which the host mounts or QEMU's own client accesses. */
export interface NfsConnection {
  protocol: 'nfs';
  server: string;
  /** The exported path, e.g. `/vol`. */
  share: string;
  /** The image that is written to, relative to the share. */
  file: string;
  format: 'qcow2' | 'raw';
}

/** A volume of a simulated backend, which keeps no data. */
export interface SimulatedConnection {
  protocol: 'sim';
  volume: string;
}

export type VolumeConnection = NfsConnection | SimulatedConnection;
