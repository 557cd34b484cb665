// How hosts of this machine reach an NFS share; for `cobalt doctor` and compose.
import { readFileSync } from 'node:fs';

export interface NfsClient {
  /** What guests' disks use today: QEMU's own client, which needs no module and no mount. */
  used: 'libnfs';
  /** Whether this kernel could mount a share. Asked of /proc/filesystems: a module that is not loaded yet is not in it. */
  kernel: boolean;
}

export function probeNfsClient(filesystems = readFileSync('/proc/filesystems', 'utf8')): NfsClient {
  return { used: 'libnfs', kernel: /\tnfs4?$/m.test(filesystems) };
}
