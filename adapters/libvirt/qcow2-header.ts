// Reads what we need of a qcow2 header, without a qemu-img process on the hot path. Layout: QEMU's docs/interop/qcow2.txt.
import { open } from 'node:fs/promises';

export interface Qcow2Header {
  virtualSizeBytes: number;
  backingFile: string | null;
  /** Guest data lies in another file (incompatible feature bit 2): an image must not name files of the host. */
  hasExternalDataFile: boolean;
}

const MAGIC = 0x514649fb; // 'QFI\xfb'
const EXTERNAL_DATA_FILE = 1n << 2n;
const MAX_BACKING_NAME_BYTES = 1023;

/** null: not qcow2. */
export async function readQcow2Header(path: string): Promise<Qcow2Header | null> {
  const file = await open(path, 'r');
  try {
    const header = Buffer.alloc(80);
    const { bytesRead } = await file.read(header, 0, header.length, 0);
    if (bytesRead < 72 || header.readUInt32BE(0) !== MAGIC) return null;
    const version = header.readUInt32BE(4);
    const nameOffset = Number(header.readBigUInt64BE(8));
    const nameLength = Math.min(header.readUInt32BE(16), MAX_BACKING_NAME_BYTES);
    let backingFile: string | null = null;
    if (nameOffset > 0) {
      const name = Buffer.alloc(nameLength);
      await file.read(name, 0, nameLength, nameOffset);
      backingFile = name.toString('utf8');
    }
    return {
      virtualSizeBytes: Number(header.readBigUInt64BE(24)),
      backingFile,
      hasExternalDataFile: version >= 3 && (header.readBigUInt64BE(72) & EXTERNAL_DATA_FILE) !== 0n,
    };
  } finally {
    await file.close();
  }
}
