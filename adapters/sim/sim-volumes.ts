// The simulated driver of ports/volume-backend.ts: keeps the contract, except that it stores no
// data. For simulated clouds and tests.
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import type { SnapshotKey, VolumeBackend, VolumeOrigin } from '#ports/volume-backend.ts';
import { simulatedQcow2 } from './sim-qcow2.ts';

interface SimVolume {
  sizeGib: number;
  /** The volume's size when the snapshot was taken, GiB, by snapshot id. */
  snapshots: Record<string, number>;
}

/** Where the volumes are stored; after a change, the volume is set again. */
export type SimVolumeWorld = Pick<
  Map<string, SimVolume>,
  'get' | 'has' | 'set' | 'delete' | 'entries'
>;

/** Stores the volumes in a folder, one file each, so that they outlive the process. */
export function volumeFolder(folder: string): SimVolumeWorld {
  mkdirSync(folder, { recursive: true });
  const pathOf = (id: string): string => join(folder, id);
  const world = new Map(
    readdirSync(folder)
      .filter((name) => !name.endsWith('.tmp'))
      .map((id) => [id, JSON.parse(readFileSync(pathOf(id), 'utf8')) as SimVolume]),
  ); // cast: written by `set` below
  return {
    get: (id) => world.get(id),
    has: (id) => world.has(id),
    entries: () => world.entries(),
    set(id, volume) {
      writeFileSync(`${pathOf(id)}.tmp`, JSON.stringify(volume));
      renameSync(`${pathOf(id)}.tmp`, pathOf(id));
      return world.set(id, volume);
    },
    delete(id) {
      rmSync(pathOf(id), { force: true });
      return world.delete(id);
    },
  };
}

const gib = 1024 ** 3;

export function createSimVolumes({
  world = new Map<string, SimVolume>(),
  totalGib = 1_000_000,
}: { world?: SimVolumeWorld; totalGib?: number } = {}): VolumeBackend {
  const missing = (id: string) => fault('notFound', `There is no volume ${id}.`);
  const withVolume = async <T>(
    id: string,
    work: (volume: SimVolume) => Outcome<T>,
  ): Promise<Outcome<T>> => {
    const volume = world.get(id);
    return volume ? work(volume) : missing(id);
  };
  const originSize = (origin: VolumeOrigin): number | undefined =>
    origin.kind === 'blank'
      ? 0
      : origin.kind === 'volume'
        ? world.get(origin.id)?.sizeGib
        : world.get(origin.snapshot.volumeId)?.snapshots[origin.snapshot.id];
  const take = async ({ id, volumeId }: SnapshotKey): Promise<Outcome<void>> =>
    await withVolume(
      volumeId,
      (volume) =>
        void world.set(volumeId, {
          ...volume,
          snapshots: { [id]: volume.sizeGib, ...volume.snapshots },
        }),
    );

  return {
    async facts() {
      const used = [...world.entries()].reduce((sum, [, { sizeGib }]) => sum + sizeGib, 0);
      return {
        vendorName: 'CobaltCore',
        driverVersion: '1.0',
        storageProtocol: 'sim',
        totalGib,
        freeGib: Math.max(0, totalGib - used),
      };
    },
    async createVolume(id, sizeGib, origin) {
      const needed = originSize(origin);
      if (needed === undefined)
        return fault('notFound', 'There is no such volume or snapshot to copy.');
      if (!world.has(id)) world.set(id, { sizeGib: Math.max(sizeGib, needed), snapshots: {} });
      return undefined;
    },
    async deleteVolume(id) {
      world.delete(id);
    },
    extendVolume: async (id, sizeGib) =>
      await withVolume(id, (volume) => {
        if (volume.sizeGib > sizeGib)
          return fault('conflict', `The volume has ${volume.sizeGib} GiB already.`);
        world.set(id, { ...volume, sizeGib });
        return undefined;
      }),
    createSnapshot: take,
    async deleteSnapshot({ id, volumeId }) {
      const volume = world.get(volumeId);
      if (volume)
        world.set(volumeId, {
          ...volume,
          snapshots: Object.fromEntries(
            Object.entries(volume.snapshots).filter(([snapshot]) => snapshot !== id),
          ),
        });
    },
    async settle() {},
    prepareOnlineSnapshot: async ({ id, volumeId }) =>
      await withVolume(volumeId, () => ({ newFile: `volume-${volumeId}.${id}` })),
    finishOnlineSnapshot: take,
    async abandonOnlineSnapshot() {},
    connection: async (id) =>
      await withVolume(id, () => ({ protocol: 'sim' as const, volume: id })),
    async importFile(id, sizeGib, { path, diskFormat }) {
      const volume = world.get(id);
      if (!volume) return missing(id);
      const { size } = await stat(path);
      if (diskFormat === 'raw' && size > sizeGib * gib)
        return fault(
          'tooLarge',
          `The image needs ${Math.ceil(size / gib)} GiB, the volume has ${sizeGib} GiB.`,
        );
      return undefined;
    },
    async exportFile(source, { path, format }) {
      const existing =
        'snapshot' in source
          ? source.snapshot.id in (world.get(source.snapshot.volumeId)?.snapshots ?? {})
          : world.has(source.volumeId);
      if (!existing) return fault('notFound', 'There is no such volume or snapshot.');
      await writeFile(path, format === 'qcow2' ? simulatedQcow2(0) : '');
      return undefined;
    },
    async inventory() {
      return {
        volumes: [...world.entries()].map(([id, { snapshots }]) => ({
          id,
          snapshots: Object.keys(snapshots),
        })),
        strays: [],
      };
    },
    close: () => undefined,
  };
}
