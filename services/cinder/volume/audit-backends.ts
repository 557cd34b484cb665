// Compares the backends' contents with Cinder's volumes and snapshots, for `cobalt doctor --audit`.
// It only reports: data and files that belong to no volume stay until somebody removes them.
import type { CinderAudit } from '#contracts/cinder/audit.ts';
import { isFault } from '#contracts/common/fault.ts';
import { backendOf } from '../domain/pick-pool.ts';
import { allVolumes } from '../store/audit.ts';
import type { VolumeDeps } from './volume-deps.ts';

export async function auditBackends({
  database: { db },
  backends,
}: VolumeDeps): Promise<CinderAudit['backends']> {
  const { volumes, snapshots } = await allVolumes(db);
  const result: CinderAudit['backends'] = {};
  const settled = (status: string): boolean =>
    ![
      'creating',
      'downloading',
      'deleting',
      'error',
      'error_deleting',
      'restoring-backup',
    ].includes(status);
  for (const [name, backend] of backends) {
    const inventory = await backend.inventory();
    if (isFault(inventory)) {
      result[name] = inventory.message;
      continue;
    }
    const own = volumes.filter(({ host }) => host !== null && backendOf(host) === name);
    const wanted = new Set(own.map(({ id }) => id));
    const snapshotsThere = new Map(
      inventory.volumes.map(({ id, snapshots: ids }) => [id, new Set(ids)]),
    );
    const ofOwn = snapshots.filter(({ volume_id }) => wanted.has(volume_id));
    const knownSnapshots = new Set(ofOwn.map(({ id }) => id));
    result[name] = {
      missing: [
        ...own
          .filter(({ id, status }) => settled(status) && !snapshotsThere.has(id))
          .map(({ id }) => `volume ${id}`),
        ...ofOwn
          .filter(
            ({ id, volume_id, status }) =>
              settled(status) && !snapshotsThere.get(volume_id)?.has(id),
          )
          .map(({ id }) => `snapshot ${id}`),
      ],
      unknown: [
        ...inventory.volumes.filter(({ id }) => !wanted.has(id)).map(({ id }) => `volume ${id}`),
        ...inventory.volumes
          .filter(({ id }) => wanted.has(id))
          .flatMap(({ snapshots: ids }) =>
            ids.filter((id) => !knownSnapshots.has(id)).map((id) => `snapshot ${id}`),
          ),
      ],
      // Leftovers of an object in error are no strays: the object's deletion removes them
      // (undoOnBackend).
      strays: inventory.strays.filter(
        (name) =>
          !own.some(({ id, status }) => status.startsWith('error') && name.includes(id)) &&
          !ofOwn.some(({ id, status }) => status.startsWith('error') && name.includes(id)),
      ),
    };
  }
  return result;
}
