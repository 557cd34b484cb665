// What Cinder's database says, held against its backends and its backup store.
import type { CinderAudit } from '#contracts/cinder/audit.ts';
import { isFault } from '#contracts/common/fault.ts';
import { backendOf } from './domain/pick-pool.ts';
import type { CinderParts } from './parts.ts';
import { backupLock, dataIdOf } from './store/backups.ts';
import type { BackupRow, SnapshotRow, VolumeRow } from './store/tables.ts';
import { volumeLock } from './store/volumes.ts';

const busyVolume = new Set([
  'creating',
  'downloading',
  'deleting',
  'extending',
  'uploading',
  'backing-up',
  'restoring-backup',
]);
const busySnapshot = new Set(['creating', 'deleting', 'backing-up']);
const busyBackup = new Set(['creating', 'deleting', 'restoring']);

export async function cinderAudit(parts: CinderParts): Promise<CinderAudit> {
  const {
    database: { db },
  } = parts;
  const [volumes, snapshots, attachments, backups] = [
    await db.selectFrom('volumes').selectAll().execute(),
    await db.selectFrom('snapshots').selectAll().execute(),
    await db.selectFrom('attachments').selectAll().execute(),
    await db.selectFrom('backups').selectAll().execute(),
  ];
  const stuck: CinderAudit['stuck'] = [];
  const busy = await parts.sagas.busyKeys();
  for (const { id, status, creating_lock } of volumes)
    if (busyVolume.has(status) && !busy.has(creating_lock ?? volumeLock(id)))
      stuck.push({ kind: 'volume', id, status });
  for (const { id, status, volume_id } of snapshots)
    if (busySnapshot.has(status) && !busy.has(volumeLock(volume_id)))
      stuck.push({ kind: 'snapshot', id, status });
  // A restore holds the lock of its target, which the backup does not know: any saga at all will
  // do.
  for (const row of backups) {
    // Imports and deletions hold the lock of the data.
    const hasLock =
      busyBackup.has(row.status) &&
      (busy.has(backupLock(dataIdOf(row))) ||
        (row.status === 'creating' && busy.has(volumeLock(row.volume_id))) ||
        (row.status === 'restoring' && busy.size > 0));
    if (busyBackup.has(row.status) && !hasLock)
      stuck.push({ kind: 'backup', id: row.id, status: row.status });
  }
  return {
    volumes: volumes.map((row) => ({
      id: row.id,
      projectId: row.project_id,
      status: row.status,
      sizeGib: row.size_gib,
      backend: row.host === null ? null : backendOf(row.host),
    })),
    snapshots: snapshots.map((row) => ({
      id: row.id,
      volumeId: row.volume_id,
      status: row.status,
    })),
    attachments: attachments.map((row) => ({
      id: row.id,
      volumeId: row.volume_id,
      serverId: row.server_id,
      status: row.status,
    })),
    stuck,
    backends: await backendsAudit(parts, volumes, snapshots),
    backups: await storeAudit(parts, backups),
  };
}

async function backendsAudit(
  { backends }: CinderParts,
  volumes: readonly VolumeRow[],
  snapshots: readonly SnapshotRow[],
): Promise<CinderAudit['backends']> {
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
    const there = await backend.inventory();
    if (isFault(there)) {
      result[name] = there.message;
      continue;
    }
    const own = volumes.filter(({ host }) => host !== null && backendOf(host) === name);
    const wanted = new Set(own.map(({ id }) => id));
    const snapshotsThere = new Map(
      there.volumes.map(({ id, snapshots: ids }) => [id, new Set(ids)]),
    );
    const ofOwn = snapshots.filter(({ volume_id }) => wanted.has(volume_id));
    const known = new Set(ofOwn.map(({ id }) => id));
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
        ...there.volumes.filter(({ id }) => !wanted.has(id)).map(({ id }) => `volume ${id}`),
        ...there.volumes
          .filter(({ id }) => wanted.has(id))
          .flatMap(({ snapshots: ids }) =>
            ids.filter((id) => !known.has(id)).map((id) => `snapshot ${id}`),
          ),
      ],
      // What a failed operation could not take away goes with its object (undoOnBackend).
      strays: there.strays.filter(
        (name) =>
          !own.some(({ id, status }) => status.startsWith('error') && name.includes(id)) &&
          !ofOwn.some(({ id, status }) => status.startsWith('error') && name.includes(id)),
      ),
    };
  }
  return result;
}

async function storeAudit(
  { backups: store }: CinderParts,
  backups: readonly BackupRow[],
): Promise<CinderAudit['backups']> {
  const there = await store.list();
  if (isFault(there)) return there.message;
  const present = new Set(there);
  const known = new Set(backups.map(dataIdOf));
  return {
    missing: backups
      .filter(
        (row) =>
          (row.status === 'available' || row.status === 'restoring') && !present.has(dataIdOf(row)),
      )
      .map(({ id }) => id),
    unknown: there.filter((id) => !known.has(id)),
  };
}
