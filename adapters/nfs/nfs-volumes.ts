// The driver of ports/volume-backend.ts on an NFS share: qcow2 files, with snapshots as overlays
// (chain.ts). qemu-img and QEMU access images through QEMU's own NFS client; names and notes go
// through ours (share.ts). Neither needs a mount, a kernel module or root.
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
import { isMark } from './nfs-storage-marks.ts';
import { openShare } from './share.ts';
import type { ShareAddress } from './share.ts';

export interface NfsVolumesOptions {
  share: ShareAddress;
  images: DiskImages;
  /** Deadline of a qemu-img call that copies no data. */
  shortTimeoutMs?: number;
  /** Deadline of a qemu-img call that copies a volume. */
  copyTimeoutMs?: number;
}

const gib = 1024 ** 3;
// Also matches the temporary file of a note whose writing was interrupted (share.ts).
const volumeName = /^(\.?)volume-([0-9a-f-]{36})(?:\.(.+))?$/;

export function createNfsVolumes({
  share: address,
  images,
  shortTimeoutMs = 30_000,
  copyTimeoutMs = 3_600_000,
}: NfsVolumesOptions): VolumeBackend {
  const share = openShare(address);
  // URLs also for backing files: QEMU 7.2 resolves a relative name below the file instead of beside
  // it.
  const url = (file: string): string => `nfs://${address.server}${address.path}/${file}`;
  // Backing files by JSON, not by URL: for a chain on a mounted share libvirt 9.0 follows backing
  // files by itself, and drops the first slash of a URL's path.
  const backing = (file: string): string =>
    `json:${JSON.stringify({ file: { driver: 'nfs', user: 0, group: 0, server: { type: 'inet', host: address.server }, path: `${address.path}/${file}` } })}`;
  const img = async (...args: string[]): Promise<Outcome<void>> =>
    await images.run(args, { timeoutMs: shortTimeoutMs });
  const copy = async (args: string[], { signal }: CopyOptions): Promise<Outcome<void>> =>
    await images.run(['convert', '-U', ...args], { timeoutMs: copyTimeoutMs, signal });

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
  /** As `withChain`, but does nothing if the volume does not exist. */
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

  const grow = async (file: string, sizeGib: number): Promise<Outcome<void>> =>
    await images.grow(url(file), sizeGib, { timeoutMs: shortTimeoutMs });

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
      // Fails fast if the share does not answer, where qemu-img would wait for its whole deadline.
      const space = await share.space();
      if (isFault(space)) return space;
      const createResult =
        origin.kind === 'blank'
          ? await img('create', '-q', '-f', 'qcow2', url(file), String(sizeGib * gib))
          : await copyOrigin(id, sizeGib, origin, options);
      const noteResult = isFault(createResult) ? createResult : await keep(id, newChain(id));
      if (isFault(noteResult)) await share.remove(file);
      return noteResult;
    },
    async deleteVolume(id) {
      const files = await share.list();
      if (isFault(files)) return files;
      // The note is deleted last: while it exists, a repeated call finds the volume's other files.
      const own = [...files.keys()].filter(
        (name) => volumeName.exec(name)?.[2] === id && name !== infoFile(id),
      );
      for (const name of [...own, infoFile(id)]) {
        const removal = await share.remove(name);
        if (isFault(removal)) return removal;
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
        const noteResult =
          snapshotFile(chain, id) === undefined
            ? undefined
            : await keep(volumeId, withoutSnapshot(chain, id));
        return isFault(noteResult) || inUse ? noteResult : await backend.settle(volumeId);
      }),
    settle: async (volumeId) =>
      await ifThere(volumeId, async (chain) => {
        for (let merge = nextMerge(chain); merge; merge = nextMerge(merge.chain)) {
          // Merged into the file above, because QEMU's NFS client cannot reopen a backing file for
          // writing. A repeated merge is harmless.
          const below = merge.below === null ? [] : ['-F', 'qcow2'];
          const merged = await images.run(
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
          );
          if (isFault(merged)) return merged;
          const noteResult = await keep(volumeId, merge.chain);
          const removal = isFault(noteResult) ? noteResult : await share.remove(merge.file);
          if (isFault(removal)) return removal;
        }
        return undefined;
      }),

    prepareOnlineSnapshot: async ({ id, volumeId }) =>
      await withChain(volumeId, async (chain) => {
        const newFile = overlayFile(volumeId, id);
        if (snapshotFile(chain, id) !== undefined) return { newFile };
        const createResult = await img(
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
        if (!isFault(createResult)) return { newFile };
        await share.remove(newFile);
        return createResult;
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
        // Inspected before the volume is changed; the conversion inspects it once more.
        const inspection = await images.inspect(image, sizeGib * gib, {
          timeoutMs: shortTimeoutMs,
          signal,
        });
        const resizing = isFault(inspection) ? inspection : await grow(active, sizeGib);
        // Converts into the existing file: if the volume has snapshots, the file must keep its
        // backing file.
        return isFault(resizing)
          ? resizing
          : withoutValue(
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
      const chainFiles = new Set<string>();
      for (const name of files.keys()) {
        const [, dot, id, rest] = volumeName.exec(name) ?? [];
        if (id === undefined || dot !== '' || rest !== 'info') continue;
        const chain = await chainOf(id);
        if (isFault(chain)) continue;
        for (const file of [name, ...filesOf(chain)]) chainFiles.add(file);
        volumes.push({ id, snapshots: snapshotsOf(chain) });
      }
      // A partly written note is removed together with its volume.
      const isPartOfNote = (name: string): boolean =>
        name.startsWith('.') && volumes.some(({ id }) => volumeName.exec(name)?.[2] === id);
      return {
        volumes,
        strays: [...files.keys()].filter(
          (name) => !chainFiles.has(name) && !isPartOfNote(name) && !isMark(name),
        ),
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

const withoutValue = (outcome: Outcome<unknown>): Outcome<void> =>
  isFault(outcome) ? outcome : undefined;
