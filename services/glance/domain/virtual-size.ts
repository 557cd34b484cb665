// The size of the disk that a guest sees, from the first bytes of the data. Pure.

/**
 * The virtual size in bytes. null: the format does not tell, the data does not have this format, or
 * the size is impossible.
 */
export function virtualSizeOf(
  diskFormat: string | null,
  data: { head: Buffer; sizeBytes: number },
): number | null {
  const bytes = sizeFromHeader(diskFormat, data);
  return bytes !== null && Number.isSafeInteger(bytes) ? bytes : null;
}

function sizeFromHeader(
  diskFormat: string | null,
  { head, sizeBytes }: { head: Buffer; sizeBytes: number },
): number | null {
  switch (diskFormat) {
    case 'raw':
    case 'iso':
      return sizeBytes;
    // magic "QFI\xfb", size at 24, big endian: https://www.qemu.org/docs/master/interop/qcow2.html
    case 'qcow2':
      return head.length >= 32 && head.readUInt32BE(0) === 0x514649fb
        ? Number(head.readBigUInt64BE(24))
        : null;
    case 'vdi': // signature at 64, size at 368, little endian: QEMU, block/vdi.c
      return head.length >= 376 && head.readUInt32LE(64) === 0xbeda107f
        ? Number(head.readBigUInt64LE(368))
        : null;
    default:
      return null;
  }
}
