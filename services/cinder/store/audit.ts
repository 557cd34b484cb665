// The database part of `cobalt doctor --audit`: all records, and objects stuck in a transient
// status. cinder-volume and cinder-backup compare the records with the backends and the backup
// store.
import type { CinderAudit } from '#contracts/cinder/audit.ts';
import { backupLock, volumeLock } from '#contracts/cinder/operations.ts';
import type { CinderDeps } from '../deps.ts';
import { backendOf } from '../domain/pick-pool.ts';
import { dataIdOf } from './backups.ts';
import type { CinderDb } from './rows.ts';
import type { BackupRow, SnapshotRow, VolumeRow } from './tables.ts';

export type CinderRecords = Omit<CinderAudit, 'backends' | 'backups'>;

/** Statuses in which a saga is working on a volume. */
export const busyVolume: ReadonlySet<string> = new Set([
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

export async function readRecords({
  database: { db },
  sagas,
}: Pick<CinderDeps, 'database' | 'sagas'>): Promise<CinderRecords> {
  const [volumes, snapshots, attachments, backups] = [
    await db.selectFrom('volumes').selectAll().execute(),
    await db.selectFrom('snapshots').selectAll().execute(),
    await db.selectFrom('attachments').selectAll().execute(),
    await db.selectFrom('backups').selectAll().execute(),
  ];
  const stuck: CinderAudit['stuck'] = [];
  const busy = await sagas.busyKeys();
  for (const { id, status, creating_lock } of volumes)
    if (busyVolume.has(status) && !busy.has(creating_lock ?? volumeLock(id)))
      stuck.push({ kind: 'volume', id, status });
  for (const { id, status, volume_id } of snapshots)
    if (busySnapshot.has(status) && !busy.has(volumeLock(volume_id)))
      stuck.push({ kind: 'snapshot', id, status });
  // A restore locks its target volume, which the backup's row does not name: any busy saga counts.
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
  };
}

export async function allVolumes(
  db: CinderDb,
): Promise<{ volumes: VolumeRow[]; snapshots: SnapshotRow[] }> {
  return {
    volumes: await db.selectFrom('volumes').selectAll().execute(),
    snapshots: await db.selectFrom('snapshots').selectAll().execute(),
  };
}

export async function allBackups(db: CinderDb): Promise<BackupRow[]> {
  return await db.selectFrom('backups').selectAll().execute();
}
