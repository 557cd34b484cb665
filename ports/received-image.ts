// Checks that the bytes which a hypervisor driver received are the image that Glance described.
// Pure. Called by every driver of ports/hypervisor.ts.
import { fault, type Fault } from '#contracts/common/fault.ts';
import type { GuestImage } from '#contracts/nova/guest.ts';

/**
 * The fault if size or checksum differ, else null. `sha512`: of all bytes, in hex. Values that
 * Glance does not have are not compared.
 */
export function imageMismatch(
  { id, sizeBytes, checksum }: GuestImage,
  received: { sizeBytes: number; sha512: string },
): Fault | null {
  if (sizeBytes > 0 && received.sizeBytes !== sizeBytes)
    return fault(
      'badRequest',
      `image ${id} has ${received.sizeBytes} bytes, expected ${sizeBytes}`,
    );
  if (checksum !== '' && received.sha512 !== checksum)
    return fault('badRequest', `image ${id} does not match its checksum`);
  return null;
}
