// Reads header fields of a qcow2 image that was inspected before or written by the driver itself;
// this saves a qemu-img process in each build. Layout: QEMU's docs/interop/qcow2.txt.
import { open } from 'node:fs/promises';

export interface Qcow2Header {
  virtualSizeBytes: number;
  backingFile: string | null;
}

const magic = 0x514649fb; // 'QFI\xfb'
const maxBackingNameBytes = 1023;

/** The header's fields; null: the file is not qcow2. */
export async function readQcow2Header(path: string): Promise<Qcow2Header | null> {
  const file = await open(path, 'r');
  try {
    const header = Buffer.alloc(72);
    const { bytesRead } = await file.read(header, 0, header.length, 0);
    if (bytesRead < 72 || header.readUInt32BE(0) !== magic) return null;
    const nameOffset = Number(header.readBigUInt64BE(8));
    const nameLength = Math.min(header.readUInt32BE(16), maxBackingNameBytes);
    let backingFile: string | null = null;
    if (nameOffset > 0) {
      const name = Buffer.alloc(nameLength);
      await file.read(name, 0, nameLength, nameOffset);
      backingFile = name.toString('utf8');
    }
    return { virtualSizeBytes: Number(header.readBigUInt64BE(24)), backingFile };
  } finally {
    await file.close();
  }
}
