// The port `volume-backend` on an NFS share: qcow2 files, snapshots by overlays (chain.ts).
// qemu-img and QEMU reach the images by their own NFS client, names and notes by ours (share.ts):
// no mount, so no kernel module and no root.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { DiskImages } from '#ports/disk-images.ts';
import type {
  CopyOptions,
  SnapshotKey,
  VolumeBackend,
  VolumeOrigin,
} from '#ports/volume-backend.ts';
import type { Chain } from './chain.ts';
import {
  baseFile,
  filesOf,
  infoFile,
  newChain,
  nextMerge,
  overlayFile,
  parseChain,
  snapshotFile,
  snapshotsOf,
  withoutSnapshot,
  withSnapshot,
} from './chain.ts';
import { openShare } from './share.ts';
import type { ShareAddress } from './share.ts';

export interface NfsVolumesOptions {
  share: ShareAddress;
  images: DiskImages;
  /** For one call of qemu-img that copies no data. */
  shortTimeoutMs?: number;
  /** For one that copies a volume. */
  copyTimeoutMs?: number;
}

const gib = 1024 ** 3;
// With what a death in the middle of writing the note left (share.ts).
const volumeName = /^(\.?)volume-([0-9a-f-]{36})(?:\.(.+))?$/;

export function createNfsVolumes({
  share: address,
  images,
  shortTimeoutMs = 30_000,
  copyTimeoutMs = 3_600_000,
}: NfsVolumesOptions): VolumeBackend {
  const share = openShare(address);
  // Backing files too are named so: QEMU 7.2 looks for a relative one below the file instead of
  // beside it.
  const url = (file: string): string => `nfs://${address.server}${address.path}/${file}`;
  // Not as a URL: libvirt 9.0 follows a chain itself below a file of a mounted share, and loses the
  // first slash of a URL's path.
  const backing = (file: string): string =>
    `json:${JSON.stringify({ file: { driver: 'nfs', user: 0, group: 0, server: { type: 'inet', host: address.server }, path: `${address.path}/${file}` } })}`;
  const img = async (...args: string[]): Promise<Outcome<void>> =>
    done(await images.run(args, { timeoutMs: shortTimeoutMs }));
  const copy = async (args: string[], { signal }: CopyOptions): Promise<Outcome<void>> =>
    done(await images.run(['convert', '-U', ...args], { timeoutMs: copyTimeoutMs, signal }));

  async function chainOf(volumeId: string): Promise<Outcome<Chain>> {
    const text = await share.readText(infoFile(volumeId));
    if (isFault(text))
      return text.kind === 'notFound'
        ? fault('notFound', `The share has no volume ${volumeId}.`)
        : text;
    return (
      parseChain(text) ??
      fault(
        'unavailable',
        `${infoFile(volumeId)} on ${address.server}:${address.path} is no note of a volume`,
      )
    );
  }
  const keep = async (volumeId: string, chain: Chain): Promise<Outcome<void>> =>
    await share.writeText(infoFile(volumeId), JSON.stringify(chain));

  async function withChain<T>(
    volumeId: string,
    next: (chain: Chain) => Promise<Outcome<T>>,
  ): Promise<Outcome<T>> {
    const chain = await chainOf(volumeId);
    return isFault(chain) ? chain : await next(chain);
  }
  /** As `withChain`; where there is no such volume, there is nothing to do. */
  async function ifThere(
    volumeId: string,
    next: (chain: Chain) => Promise<Outcome<void>>,
  ): Promise<Outcome<void>> {
    const chain = await chainOf(volumeId);
    if (isFault(chain)) return chain.kind === 'notFound' ? undefined : chain;
    return await next(chain);
  }

  async function frozenFile({ id, volumeId }: SnapshotKey): Promise<Outcome<string>> {
    return await withChain(
      volumeId,
      async (chain) =>
        snapshotFile(chain, id) ??
        fault('notFound', `Volume ${volumeId} has no snapshot ${id} on the share.`),
    );
  }

  async function originFile(
    origin: Exclude<VolumeOrigin, { kind: 'blank' }>,
  ): Promise<Outcome<string>> {
    return origin.kind === 'snapshot'
      ? await frozenFile(origin.snapshot)
      : await withChain(origin.id, async ({ active }) => active);
  }

  async function grow(file: string, sizeGib: number): Promise<Outcome<void>> {
    const virtualBytes = await images.virtualBytes(url(file), { timeoutMs: shortTimeoutMs });
    if (isFault(virtualBytes)) return virtualBytes;
    if (virtualBytes > sizeGib * gib)
      return fault(
        'conflict',
        `The volume has ${virtualBytes} bytes already, more than ${sizeGib} GiB.`,
      );
    return virtualBytes === sizeGib * gib
      ? undefined
      : await img('resize', '-q', '-f', 'qcow2', url(file), String(sizeGib * gib));
  }

  const backend: VolumeBackend = {
    async facts() {
      const space = await share.space();
      if (isFault(space)) return space;
      return {
        vendorName: 'CobaltCore',
        driverVersion: '1.0',
        storageProtocol: 'nfs',
        totalGib: space.totalBytes / gib,
        freeGib: space.freeBytes / gib,
      };
    },

    async createVolume(id, sizeGib, origin, options = {}) {
      const file = baseFile(id);
      // qemu-img would wait its whole deadline for a share that is away
      const there = await share.space();
      if (isFault(there)) return there;
      const made =
        origin.kind === 'blank'
          ? await img('create', '-q', '-f', 'qcow2', url(file), String(sizeGib * gib))
          : await copyOrigin(id, sizeGib, origin, options);
      const kept = isFault(made) ? made : await keep(id, newChain(id));
      if (isFault(kept)) await share.remove(file);
      return kept;
    },
    async deleteVolume(id) {
      const files = await share.list();
      if (isFault(files)) return files;
      // The note goes last: as long as it is there, the volume is known and the rest is found
      // again.
      const own = [...files.keys()].filter(
        (name) => volumeName.exec(name)?.[2] === id && name !== infoFile(id),
      );
      for (const name of [...own, infoFile(id)]) {
        const removed = await share.remove(name);
        if (isFault(removed)) return removed;
      }
    },
    extendVolume: async (id, sizeGib) =>
      await withChain(id, async ({ active }) => await grow(active, sizeGib)),

    async createSnapshot(snapshot) {
      const prepared = await backend.prepareOnlineSnapshot(snapshot);
      return isFault(prepared) ? prepared : await backend.finishOnlineSnapshot(snapshot);
    },
    deleteSnapshot: async ({ id, volumeId }, { inUse }) =>
      await ifThere(volumeId, async (chain) => {
        const kept =
          snapshotFile(chain, id) === undefined
            ? undefined
            : await keep(volumeId, withoutSnapshot(chain, id));
        return isFault(kept) || inUse ? kept : await backend.settle(volumeId);
      }),
    settle: async (volumeId) =>
      await ifThere(volumeId, async (chain) => {
        for (let merge = nextMerge(chain); merge; merge = nextMerge(merge.chain)) {
          // Upwards: QEMU's NFS client cannot turn a file that lies below into one that is written.
          // A merged file merges again.
          const below = merge.below === null ? [] : ['-F', 'qcow2'];
          const merged = done(
            await images.run(
              [
                'rebase',
                '-q',
                '-f',
                'qcow2',
                ...below,
                '-b',
                merge.below === null ? '' : backing(merge.below),
                url(merge.top),
              ],
              { timeoutMs: copyTimeoutMs },
            ),
          );
          if (isFault(merged)) return merged;
          const kept = await keep(volumeId, merge.chain);
          const removed = isFault(kept) ? kept : await share.remove(merge.file);
          if (isFault(removed)) return removed;
        }
        return undefined;
      }),

    prepareOnlineSnapshot: async ({ id, volumeId }) =>
      await withChain(volumeId, async (chain) => {
        const newFile = overlayFile(volumeId, id);
        if (snapshotFile(chain, id) !== undefined) return { newFile };
        const made = await img(
          'create',
          '-q',
          '-f',
          'qcow2',
          '-F',
          'qcow2',
          '-b',
          backing(chain.active),
          url(newFile),
        );
        if (!isFault(made)) return { newFile };
        await share.remove(newFile);
        return made;
      }),
    finishOnlineSnapshot: async ({ id, volumeId }) =>
      await withChain(volumeId, async (chain) =>
        snapshotFile(chain, id) !== undefined
          ? undefined
          : await keep(volumeId, withSnapshot(chain, volumeId, id)),
      ),
    abandonOnlineSnapshot: async ({ id, volumeId }) =>
      await ifThere(volumeId, async (chain) =>
        filesOf(chain).includes(overlayFile(volumeId, id))
          ? undefined
          : await share.remove(overlayFile(volumeId, id)),
      ),

    connection: async (id) =>
      await withChain(id, async ({ active }) => ({
        protocol: 'nfs' as const,
        server: address.server,
        share: address.path,
        file: active,
        format: 'qcow2' as const,
      })),

    importFile: async (id, sizeGib, image, { signal } = {}) =>
      await withChain(id, async ({ active }) => {
        // Judged before anything of the volume changes, and again with the conversion.
        const judged = await images.inspect(image, sizeGib * gib, {
          timeoutMs: shortTimeoutMs,
          signal,
        });
        const grown = isFault(judged) ? judged : await grow(active, sizeGib);
        // Into the image that is there: one under snapshots must keep what lies below it.
        return isFault(grown)
          ? grown
          : done(
              await images.convert(
                image,
                sizeGib * gib,
                { name: url(active), intoExisting: true },
                { timeoutMs: copyTimeoutMs, signal },
              ),
            );
      }),
    async exportFile(source, { path, format }, options = {}) {
      const file =
        'snapshot' in source
          ? await frozenFile(source.snapshot)
          : await withChain(source.volumeId, async ({ active }) => active);
      return isFault(file)
        ? file
        : await copy(['-f', 'qcow2', '-O', format, url(file), path], options);
    },

    async inventory() {
      const files = await share.list();
      if (isFault(files)) return files;
      const volumes: { id: string; snapshots: string[] }[] = [];
      const known = new Set<string>();
      for (const name of files.keys()) {
        const [, dot, id, rest] = volumeName.exec(name) ?? [];
        if (id === undefined || dot !== '' || rest !== 'info') continue;
        const chain = await chainOf(id);
        if (isFault(chain)) continue;
        for (const file of [name, ...filesOf(chain)]) known.add(file);
        volumes.push({ id, snapshots: snapshotsOf(chain) });
      }
      // A torn note goes with its volume.
      const ofKnown = (name: string): boolean =>
        name.startsWith('.') && volumes.some(({ id }) => volumeName.exec(name)?.[2] === id);
      return {
        volumes,
        strays: [...files.keys()].filter((name) => !known.has(name) && !ofKnown(name)),
      };
    },
    close: () => share.close(),
  };

  async function copyOrigin(
    id: string,
    sizeGib: number,
    origin: Exclude<VolumeOrigin, { kind: 'blank' }>,
    options: CopyOptions,
  ): Promise<Outcome<void>> {
    const from = await originFile(origin);
    if (isFault(from)) return from;
    const copied = await copy(
      ['-f', 'qcow2', '-O', 'qcow2', url(from), url(baseFile(id))],
      options,
    );
    return isFault(copied) ? copied : await grow(baseFile(id), sizeGib);
  }

  return backend;
}

const done = (outcome: Outcome<unknown>): Outcome<void> => (isFault(outcome) ? outcome : undefined);
