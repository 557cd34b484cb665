// How local hosts access the filer's share: mounted by the kernel's NFS client if the kernel has
// one, else through QEMU's own client (libnfs).
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface Share {
  server: string;
  /** The exported path, e.g. `/vol`. */
  share: string;
}

/**
 * The client by which a host uses the share. `kernel`: mounted at `mountPath`; QEMU itself locks
 * the images of guests there, and the server keeps the locks for all hosts. `libnfs`: QEMU's own
 * client, without locks.
 */
export type NfsClient = 'kernel' | 'libnfs';

/** Where a host mounts a share. The mount is visible only inside the host. */
const mountPath = ({ server, share }: Share): string => join('/run/cobalt/volumes', server, share);

/**
 * Options of the mount. `hard`: with anything else, writes are lost while the filer does not
 * answer. `lookupcache`: a negative lookup must not be cached, since Cinder creates images through
 * another client. Not NFS version 3: its locks are lost when the server restarts, unless each host
 * runs a status monitor. test/storage/kernel-client.test.ts tests the options with a kernel that
 * has the client.
 */
export const mountOptions = 'vers=4.2,hard,lookupcache=positive';

/** A host's mount of the share; there is none if QEMU's own client is used. */
export interface HostMount extends Share {
  /** The mount's path inside the host. */
  path: string;
  /** The mount's path as seen from this machine, where the host's mounts are invisible. */
  outside: string;
}

export const hostMounts = (client: NfsClient | null, share: Share): HostMount[] =>
  client === 'kernel'
    ? [{ ...share, path: mountPath(share), outside: `nfs://${share.server}${share.share}` }]
    : [];

/** The arguments with which host-init.sh mounts the share. */
export const mountArguments = (share: Share): string[] => [
  share.server,
  share.share,
  mountPath(share),
  mountOptions,
];

/**
 * The client that the host chose at its first start. The choice is kept, so that a guest's disk is
 * never accessed in another way after a restart. null: never started.
 */
export async function nfsClientOf(hostDir: string): Promise<NfsClient | null> {
  const decided = (await readFile(join(hostDir, 'nfs-client'), 'utf8').catch(() => '')).trim();
  return decided === 'kernel' || decided === 'libnfs' ? decided : null;
}
