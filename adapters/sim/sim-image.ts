// Checks that an image's bytes have the size and checksum that Glance names, and drops them. Used
// by sim-images.ts.
import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { fault, type Fault } from '#contracts/common/fault.ts';
import type { GuestImage } from '#contracts/nova/guest.ts';
import { imageMismatch } from '#ports/received-image.ts';

export async function checkImage(image: GuestImage, source: Readable): Promise<Fault | null> {
  const hash = createHash('sha512');
  let received = 0;
  try {
    for await (const chunk of source) {
      hash.update(chunk as Buffer);
      received += (chunk as Buffer).length;
    }
  } catch (error) {
    return fault('unavailable', `image ${image.id}: ${(error as Error).message}`);
  }
  return imageMismatch(image, { sizeBytes: received, sha512: hash.digest('hex') });
}
