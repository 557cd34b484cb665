// The driver of ports/storage-marks.ts on an NFS share: one small file for each host, replaced
// atomically. Read and written by our own NFS client, which caches nothing.
import { fault } from '#contracts/common/fault.ts';
import type { StorageMarks } from '#ports/storage-marks.ts';
import type { ShareAddress } from './share.ts';
import { openShare } from './share.ts';

const prefix = '.ha-mark.';

/**
 * Whether the file is a host's mark, complete or being written. Volumes are on the same share;
 * theirs are not.
 */
export const isMark = (name: string): boolean =>
  name.startsWith(prefix) || name.startsWith(`.${prefix}`);

const hostName = /^[\w.-]{1,200}$/;

export function createNfsStorageMarks(
  address: ShareAddress,
  { timeoutMs = 3_000 }: { timeoutMs?: number } = {},
): StorageMarks {
  const share = openShare(address, { timeoutMs });
  const isName = (host: string): boolean => hostName.test(host);
  return {
    write: async (host, mark) =>
      isName(host)
        ? await share.writeText(prefix + host, mark)
        : fault('unavailable', `${host} is no name of a host`),
    read: async (host) =>
      isName(host)
        ? await share.readText(prefix + host)
        : fault('notFound', `${host} is no name of a host`),
    close: () => share.close(),
  };
}
