// Builds a guest: first all its images into the host's cache, concurrently, then the guest itself.
// On a fault the driver leaves nothing behind.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { GuestImage, GuestSpec } from '#contracts/nova/guest.ts';
import type { EnsureOptions } from '#ports/hypervisor.ts';
import type { NovaAgentDeps } from './deps.ts';
import { imageSource } from './image-source.ts';

const gib = 1024 ** 3;

export interface GuestBuilds {
  /**
   * Downloads the guest's images, then runs `work`. timeout: the caller's deadline passed, or the
   * build was abandoned, before `work` started.
   */
  run(
    spec: GuestSpec,
    deadlineMs: number,
    work: () => Promise<Outcome<void>>,
  ): Promise<Outcome<null>>;
  /** Ends the downloads of this guest's builds. */
  abandon(uuid: string): void;
}

export function createGuestBuilds(deps: NovaAgentDeps): GuestBuilds {
  const building = new Map<string, Set<AbortController>>();
  return {
    async run(spec, deadlineMs, work) {
      const ending = new AbortController();
      const ofGuest = building.get(spec.uuid) ?? new Set();
      building.set(spec.uuid, ofGuest.add(ending));
      const deadline =
        deadlineMs === Infinity
          ? undefined
          : deps.clock.after(deadlineMs - deps.clock.now(), () => ending.abort(), { unref: true });
      try {
        const missing = await fetchImages(deps, spec, ending.signal);
        if (isFault(missing)) return missing;
        if (ending.signal.aborted)
          return fault('timeout', `Guest ${spec.uuid} is not built: nobody waits for it.`);
        const built = await work();
        return isFault(built) ? built : null;
      } finally {
        deadline?.stop();
        ofGuest.delete(ending);
        if (ofGuest.size === 0) building.delete(spec.uuid);
      }
    },
    abandon: (uuid) => building.get(uuid)?.forEach((ending) => ending.abort()),
  };
}

async function fetchImages(
  deps: NovaAgentDeps,
  spec: GuestSpec,
  signal: AbortSignal,
): Promise<Outcome<void>> {
  const { rootDisk, kernel } = spec;
  const ensure = async (image: GuestImage, options: EnsureOptions): Promise<Outcome<void>> =>
    await deps.hypervisor.ensureImage(image, imageSource(deps, image.id), { ...options, signal });
  const rootOptions =
    rootDisk && rootDisk.sizeGib > 0 ? { maxVirtualBytes: rootDisk.sizeGib * gib } : {};
  const fetched = await Promise.all([
    ...(rootDisk?.image ? [ensure(rootDisk.image, rootOptions)] : []),
    ...[kernel?.kernel, kernel?.ramdisk].flatMap((image) => (image ? [ensure(image, {})] : [])),
  ]);
  return fetched.find(isFault);
}
