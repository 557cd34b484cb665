// Builds a guest: its images into the host's cache, all at once, then the guest itself. The driver leaves nothing behind on a fault.
import type { Outcome } from '#contracts/common/fault.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { GuestImage, GuestSpec } from '#contracts/nova/guest.ts';
import type { NovaAgentDeps } from './deps.ts';
import { imageSource } from './image-source.ts';

export async function withImages(deps: NovaAgentDeps, spec: GuestSpec, work: () => Promise<Outcome<void>>): Promise<Outcome<null>> {
  const images = [spec.rootDisk?.image, spec.kernel?.kernel, spec.kernel?.ramdisk].filter((image): image is GuestImage => image != null);
  const fetched = await Promise.all(images.map(async (image) => await deps.hypervisor.ensureImage(image, imageSource(deps, image.id))));
  const missing = fetched.find(isFault);
  if (missing) return missing;
  const done = await work();
  return isFault(done) ? done : null;
}
