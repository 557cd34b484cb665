// Qcow2 images of simulated hosts and storage: a header with the right sizes, and no data.

const headerBytes = 112;

/**
 * A qcow2 header with this virtual size, followed by `content`. Layout: QEMU's
 * docs/interop/qcow2.txt.
 */
export function simulatedQcow2(virtualBytes: number, content = ''): Buffer {
  const header = Buffer.alloc(headerBytes);
  header.write('QFI\xfb', 'latin1');
  header.writeUInt32BE(3, 4);
  header.writeUInt32BE(16, 20);
  header.writeBigUInt64BE(BigInt(virtualBytes), 24);
  header.writeUInt32BE(4, 96);
  header.writeUInt32BE(headerBytes, 100);
  return Buffer.concat([header, Buffer.from(content)]);
}
