// Restores a backup to a new volume or to an available one. Called by backups.ts and
// create-volume.ts. Also finds the backup that a request names, for all routes of backups.
import type { CinderOperations } from '#contracts/cinder/operations.ts';
import { volumeLock } from '#contracts/cinder/operations.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import { transaction } from '#platform/db/transaction.ts';
import { changeBackupIn, findBackup } from '../store/backups.ts';
import { enqueueOperation } from '../store/operations.ts';
import type { CinderDb } from '../store/rows.ts';
import type { BackupRow, VolumeRow } from '../store/tables.ts';
import { changeVolumeIn, findVolume, lockVolume } from '../store/volumes.ts';
import type { HandlerDeps } from './handler-deps.ts';
import type { WantedVolume } from './new-volume.ts';
import { beginCreation, newVolumeRow, typeFor, zoneOf } from './new-volume.ts';
import { scopeOf } from './request.ts';
import type { Request } from './request.ts';

export async function requestedBackup(
  { database: { db } }: HandlerDeps,
  request: Request,
  id: string,
): Promise<Outcome<BackupRow>> {
  return (
    (await findBackup(db, id, scopeOf(request))) ??
    fault('notFound', `Backup ${id} could not be found.`)
  );
}

const notAvailable = (backup: BackupRow) =>
  fault(
    'badRequest',
    `Invalid backup: Backup ${backup.id} status must be available, but is ${backup.status}.`,
  );

async function journalRestore(
  deps: HandlerDeps,
  trx: CinderDb,
  request: Request,
  input: CinderOperations['cinder.restore-backup'],
): Promise<boolean> {
  if (
    !(await changeBackupIn(
      trx,
      input.backupId,
      ['available'],
      { status: 'restoring' },
      deps.clock.now(),
    ))
  )
    return false;
  await enqueueOperation(deps, trx, request.id, {
    name: 'cinder.restore-backup',
    lockKey: volumeLock(input.volumeId),
    input,
  });
  return true;
}

export async function restoreToNewVolume(
  deps: HandlerDeps,
  request: Request,
  backupId: string,
  wanted: WantedVolume,
): Promise<Outcome<VolumeRow>> {
  const backup = await requestedBackup(deps, request, backupId);
  if (isFault(backup)) return backup;
  const size = wanted.size ? Number(wanted.size) : backup.size_gib;
  if (size < backup.size_gib)
    return fault(
      'badRequest',
      `Invalid input received: Volume size '${size}'GB cannot be smaller than the backup size ${backup.size_gib}GB.`,
    );
  const [type, zone] = [
    await typeFor(deps, request, wanted.volume_type ?? null, null),
    zoneOf(deps, wanted, null),
  ];
  if (isFault(type)) return type;
  if (isFault(zone)) return zone;
  const row = newVolumeRow(deps, request, wanted, {
    size_gib: size,
    availability_zone: zone,
    type_id: type.id,
  });
  const input: CinderOperations['cinder.restore-backup'] = {
    backupId,
    volumeId: row.id,
    projectId: row.project_id,
    created: true,
  };
  const created = await beginCreation(deps, row, async (trx) =>
    (await journalRestore(deps, trx, request, input)) ? undefined : notAvailable(backup),
  );
  if (!isFault(created)) await deps.wakeBackup(request.id);
  return created;
}

export async function restoreToVolume(
  deps: HandlerDeps,
  request: Request,
  backup: BackupRow,
  volumeId: string,
): Promise<Outcome<VolumeRow>> {
  const { db } = deps.database;
  const { clock } = deps;
  const volume = await findVolume(db, volumeId, scopeOf(request));
  if (!volume) return fault('notFound', `Volume ${volumeId} could not be found.`);
  if (volume.size_gib < backup.size_gib)
    return fault(
      'badRequest',
      `Invalid volume: volume size ${volume.size_gib} is too small to restore backup of size ${backup.size_gib}.`,
    );
  const refusal = await transaction(db, async (trx): Promise<Outcome<undefined>> => {
    await lockVolume(trx, volume.id);
    const now = (await findVolume(trx, volume.id, null))?.status;
    if (now !== 'available' && now !== 'error_restoring')
      return fault(
        'badRequest',
        `Invalid volume: Volume to be restored to must be available, but is ${now ?? 'deleted'}.`,
      );
    if (
      !(await journalRestore(deps, trx, request, {
        backupId: backup.id,
        volumeId: volume.id,
        projectId: volume.project_id,
        created: false,
      }))
    )
      return notAvailable(backup);
    await changeVolumeIn(trx, volume.id, [now], { status: 'restoring-backup' }, clock.now());
    return undefined;
  });
  if (refusal) return refusal;
  await deps.wakeBackup(request.id);
  return volume;
}
