// A volume backend in memory: passes the port's contract but for the bytes, which it does not keep. For simulated clouds and tests.
import { stat, writeFile } from 'node:fs/promises';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import type { SnapshotKey, VolumeBackend, VolumeOrigin } from '#ports/volume-backend.ts';

interface SimVolume {
  sizeGib: number;
  snapshots: Map<string, number>;
}

/** What outlives the backend object: a restart of the control plane keeps its world. */
export type SimVolumeWorld = Map<string, SimVolume>;

const gib = 1024 ** 3;

export function createSimVolumes({ world = new Map(), totalGib = 1_000_000 }: { world?: SimVolumeWorld; totalGib?: number } = {}): VolumeBackend {
  const missing = (id: string) => fault('notFound', `There is no volume ${id}.`);
  const withVolume = async <T>(id: string, work: (volume: SimVolume) => Outcome<T>): Promise<Outcome<T>> => {
    const volume = world.get(id);
    return volume ? work(volume) : missing(id);
  };
  const originSize = (origin: VolumeOrigin): number | undefined =>
    origin.kind === 'blank' ? 0 : origin.kind === 'volume' ? world.get(origin.id)?.sizeGib : world.get(origin.snapshot.volumeId)?.snapshots.get(origin.snapshot.id);
  const take = async ({ id, volumeId }: SnapshotKey): Promise<Outcome<void>> => await withVolume(volumeId, (volume) => void volume.snapshots.set(id, volume.sizeGib));

  return {
    async facts() {
      const used = [...world.values()].reduce((sum, { sizeGib }) => sum + sizeGib, 0);
      return { vendorName: 'CobaltCore', driverVersion: '1.0', storageProtocol: 'sim', totalGib, freeGib: Math.max(0, totalGib - used) };
    },
    async createVolume(id, sizeGib, origin) {
      const needed = originSize(origin);
      if (needed === undefined) return fault('notFound', 'There is no such volume or snapshot to copy.');
      if (!world.has(id)) world.set(id, { sizeGib: Math.max(sizeGib, needed), snapshots: new Map() });
      return undefined;
    },
    async deleteVolume(id) {
      world.delete(id);
    },
    extendVolume: async (id, sizeGib) => await withVolume(id, (volume) => {
      if (volume.sizeGib > sizeGib) return fault('conflict', `The volume has ${volume.sizeGib} GiB already.`);
      volume.sizeGib = sizeGib;
      return undefined;
    }),
    createSnapshot: take,
    async deleteSnapshot({ id, volumeId }) {
      world.get(volumeId)?.snapshots.delete(id);
    },
    async settle() {},
    prepareOnlineSnapshot: async ({ id, volumeId }) => await withVolume(volumeId, () => ({ newFile: `volume-${volumeId}.${id}` })),
    finishOnlineSnapshot: take,
    async abandonOnlineSnapshot() {},
    connection: async (id) => await withVolume(id, () => ({ protocol: 'sim' as const, volume: id })),
    async importFile(id, sizeGib, { path, format }) {
      const volume = world.get(id);
      if (!volume) return missing(id);
      const { size } = await stat(path);
      if (format === 'raw' && size > sizeGib * gib) return fault('tooLarge', `The image needs ${Math.ceil(size / gib)} GiB, the volume has ${sizeGib} GiB.`);
      return undefined;
    },
    async exportFile(source, { path }) {
      const there = 'snapshot' in source ? world.get(source.snapshot.volumeId)?.snapshots.has(source.snapshot.id) : world.has(source.volumeId);
      if (!there) return fault('notFound', 'There is no such volume or snapshot.');
      await writeFile(path, '');
      return undefined;
    },
    async inventory() {
      return { volumes: [...world].map(([id, { snapshots }]) => ({ id, snapshots: [...snapshots.keys()] })), strays: [] };
    },
    close: () => undefined,
  };
}
