// Writes a Linux initramfs archive (cpio "newc": kernel documentation,
// early-userspace/buffer-format). Deterministic: all entries belong to root and have time zero.
// Device nodes need no privileges, since they exist only in the archive. Pure.

export interface ArchiveEntry {
  /** Path without a leading slash. */
  path: string;
  /** File type and permissions, as in stat(2), e.g. 0o100755. */
  mode: number;
  /** Content of a file, target of a link; empty otherwise. */
  data?: Buffer;
  /** Major and minor number of a device node. */
  device?: [number, number];
}

export const directory = (path: string): ArchiveEntry => ({ path, mode: 0o040755 });
export const link = (path: string, target: string): ArchiveEntry => ({
  path,
  mode: 0o120777,
  data: Buffer.from(target),
});
export const file = (path: string, data: Buffer, executable: boolean): ArchiveEntry => ({
  path,
  mode: executable ? 0o100755 : 0o100644,
  data,
});

/**
 * The archive of `entries`, in their order; folders that are not listed are added before their
 * first file.
 */
export function cpio(entries: readonly ArchiveEntry[]): Buffer {
  const parts: Buffer[] = [];
  let inode = 0;
  const write = ({ path, mode, data = Buffer.alloc(0), device = [0, 0] }: ArchiveEntry): void => {
    const name = Buffer.from(`${path}\0`);
    const fields = [
      ++inode,
      mode,
      0,
      0,
      1,
      0,
      data.length,
      0,
      0,
      device[0],
      device[1],
      name.length,
      0,
    ];
    const header = Buffer.from(
      `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`,
    );
    parts.push(header, name, padding(header.length + name.length), data, padding(data.length));
  };
  const listedFolders = new Set<string>();
  const writeFolders = (path: string): void => {
    const folder = path.slice(0, Math.max(path.lastIndexOf('/'), 0));
    if (folder === '' || listedFolders.has(folder)) return;
    writeFolders(folder);
    listedFolders.add(folder);
    write(directory(folder));
  };
  for (const entry of entries) {
    writeFolders(entry.path);
    if (listedFolders.has(entry.path)) continue;
    listedFolders.add(entry.path);
    write(entry);
  }
  write({ path: 'TRAILER!!!', mode: 0 });
  return Buffer.concat(parts);
}

/** Zero bytes up to the next multiple of four, where names and contents must begin. */
function padding(length: number): Buffer {
  return Buffer.alloc((4 - (length % 4)) % 4);
}
