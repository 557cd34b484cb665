// How hosts of this machine reach the filer's share: mounted by the kernel's NFS client where the
// kernel has one, else by QEMU's own.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface Share {
  server: string;
  /** The exported path, e.g. `/vol`. */
  share: string;
}

/**
 * How a host reaches the share. `kernel`: mounted at `mountPath`; QEMU locks the images of guests
 * there itself, which the server keeps for all hosts.
 */
export type NfsClient = 'kernel' | 'libnfs';

/** Where a host has a share of its kernel's client. Nothing of it is seen outside of the host. */
const mountPath = ({ server, share }: Share): string => join('/run/cobalt/volumes', server, share);

/**
 * `hard`: anything else loses writes while the filer is away. `lookupcache`: Cinder makes images by
 * another client, so what was not there may be there now. Not version 3: its locks are lost with
 * the server unless each host runs a status monitor. test/storage/kernel-client.test.ts tries them
 * with a kernel that can.
 */
export const mountOptions = 'vers=4.2,hard,lookupcache=positive';

/**
 * Where a host finds the share, for those who run its guests; none where QEMU's own client is used.
 */
export interface HostMount extends Share {
  /** Inside the host. */
  path: string;
  /** For tools beside it: its mounts are not seen from there. */
  outside: string;
}

export const hostMounts = (client: NfsClient | null, share: Share): HostMount[] =>
  client === 'kernel'
    ? [{ ...share, path: mountPath(share), outside: `nfs://${share.server}${share.share}` }]
    : [];

/** What host-init.sh is told of the share. */
export const mountArguments = (share: Share): string[] => [
  share.server,
  share.share,
  mountPath(share),
  mountOptions,
];

/**
 * The host's own decision, made at its first start and kept: a guest's disk does not change its way
 * between two starts. null: never started.
 */
export async function nfsClientOf(hostDir: string): Promise<NfsClient | null> {
  const decided = (await readFile(join(hostDir, 'nfs-client'), 'utf8').catch(() => '')).trim();
  return decided === 'kernel' || decided === 'libnfs' ? decided : null;
}
