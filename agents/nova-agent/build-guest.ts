// Builds a guest: first downloads all its images to the host's cache, concurrently, then creates
// the guest. On a fault the driver leaves nothing behind.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { DiskOffer, GuestImage, GuestSpec } from '#contracts/nova/guest.ts';
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
  /**
   * As `run`, for a guest whose disks are already on the host: an image that Glance no longer has
   * is then not needed. Faults: those of the hypervisor's `create`.
   */
  place(spec: GuestSpec, deadlineMs: number, start: boolean): Promise<Outcome<null>>;
  /** Fetches the disks from the host that offers them. Faults: those of `fetchDisks`. */
  fetch(spec: GuestSpec, offer: DiskOffer, deadlineMs: number): Promise<Outcome<null>>;
  /** Aborts the downloads of this guest's builds, and transfers of its disks from another host. */
  abandon(uuid: string): void;
}

export function createGuestBuilds(deps: NovaAgentDeps): GuestBuilds {
  const building = new Map<string, Set<AbortController>>();
  /** Runs `work` with a signal that aborts at the deadline, or when the guest is abandoned. */
  async function abandonable(
    uuid: string,
    deadlineMs: number,
    work: (signal: AbortSignal) => Promise<Outcome<void>>,
  ): Promise<Outcome<null>> {
    const ending = new AbortController();
    const ofGuest = building.get(uuid) ?? new Set();
    building.set(uuid, ofGuest.add(ending));
    const deadline =
      deadlineMs === Infinity
        ? undefined
        : deps.clock.after(deadlineMs - deps.clock.now(), () => ending.abort(), { unref: true });
    try {
      const outcome = await work(ending.signal);
      return isFault(outcome) ? outcome : null;
    } finally {
      deadline?.stop();
      ofGuest.delete(ending);
      if (ofGuest.size === 0) building.delete(uuid);
    }
  }
  const late = ({ uuid }: GuestSpec) =>
    fault('timeout', `Guest ${uuid} is not built: nobody waits for it.`);
  return {
    run: async (spec, deadlineMs, work) =>
      await abandonable(spec.uuid, deadlineMs, async (signal) => {
        const missing = await fetchImages(deps, spec, signal);
        if (isFault(missing)) return missing;
        return signal.aborted ? late(spec) : await work();
      }),
    place: async (spec, deadlineMs, start) =>
      await abandonable(spec.uuid, deadlineMs, async (signal) => {
        const missing = await fetchImages(deps, spec, signal);
        if (isFault(missing) && missing.kind !== 'notFound') return missing;
        return signal.aborted ? late(spec) : await deps.hypervisor.create(spec, start);
      }),
    fetch: async (spec, offer, deadlineMs) =>
      await abandonable(
        spec.uuid,
        deadlineMs,
        async (signal) => await deps.hypervisor.fetchDisks(spec, offer, signal),
      ),
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
