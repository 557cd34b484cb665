// POST /backups: quota, row and saga in one transaction. If a guest has the volume, a snapshot is
// taken and backed up. https://docs.openstack.org/api-ref/block-storage/v3/#create-a-backup
import { volumeLock } from '#contracts/cinder/operations.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import { booleanOf } from '#openstack/http/lenient-values.ts';
import { transaction } from '#platform/db/transaction.ts';
import type { BackedUpFacts } from '../store/backups.ts';
import { insertBackup } from '../store/backups.ts';
import { enqueueOperation } from '../store/operations.ts';
import { metadataIn } from '../store/rows.ts';
import { changeSnapshotIn, findSnapshot, insertSnapshot } from '../store/snapshots.ts';
import type { BackupRow, SnapshotRow } from '../store/tables.ts';
import { changeVolumeIn, findVolume, lockVolume } from '../store/volumes.ts';
import { newSnapshotRow } from './create-snapshot.ts';
import type { HandlerDeps } from './handler-deps.ts';
import { scopeOf } from './request.ts';
import type { Request } from './request.ts';
import { takeQuota } from './take-quota.ts';

export interface WantedBackup {
  volume_id: string;
  snapshot_id?: string | null;
  name?: string | null;
  description?: string | null;
  container?: string | null;
  incremental?: boolean | string | null;
  force?: boolean | string | null;
  metadata?: Record<string, string> | null;
}
export async function createBackup(
  deps: HandlerDeps,
  request: Request,
  wanted: WantedBackup,
): Promise<Outcome<BackupRow>> {
  const { db } = deps.database;
  const { ids, clock, config } = deps;
  if (booleanOf(wanted.incremental ?? false))
    return fault(
      'badRequest',
      'Invalid backup: incremental backups are not offered: leave `incremental` out for a full one.',
    );
  const volume = await findVolume(db, wanted.volume_id, scopeOf(request));
  if (!volume) return fault('notFound', `Volume ${wanted.volume_id} could not be found.`);
  const snapshot = wanted.snapshot_id
    ? await findSnapshot(db, wanted.snapshot_id, scopeOf(request))
    : undefined;
  if (wanted.snapshot_id && (!snapshot || snapshot.volume_id !== volume.id))
    return fault('notFound', `Snapshot ${wanted.snapshot_id} could not be found.`);
  const facts: BackedUpFacts = {
    bootable: volume.bootable,
    metadata: metadataIn(volume.metadata_json),
    imageMetadata: metadataIn(volume.image_metadata_json),
  };
  const now = clock.now();
  const row: BackupRow = {
    id: ids.uuid(),
    project_id: volume.project_id,
    user_id: request.auth.userId,
    name: wanted.name ?? null,
    description: wanted.description ?? null,
    status: 'creating',
    fail_reason: null,
    volume_id: volume.id,
    snapshot_id: snapshot?.id ?? null,
    availability_zone: config.defaultZone,
    container: wanted.container ?? deps.backupStoreName,
    size_gib: snapshot?.size_gib ?? volume.size_gib,
    object_count: 0,
    metadata_json: JSON.stringify(wanted.metadata ?? {}),
    volume_facts_json: JSON.stringify(facts),
    data_id: null,
    data_at_ms: snapshot?.created_at_ms ?? now,
    created_at_ms: now,
    updated_at_ms: null,
  };
  let temporary: SnapshotRow | undefined;
  const refusal = await transaction(db, async (trx): Promise<Outcome<undefined>> => {
    temporary = undefined; // set again, as the transaction may be retried
    await lockVolume(trx, volume.id);
    const over = await takeQuota(deps, trx, row.project_id, {
      backups: 1,
      backup_gigabytes: row.size_gib,
    });
    if (over) return over;
    const before = (await findVolume(trx, volume.id, null))?.status;
    if (snapshot) {
      if (!(await changeSnapshotIn(trx, snapshot.id, ['available'], { status: 'backing-up' }, now)))
        return fault(
          'badRequest',
          `Invalid snapshot: Snapshot to be backed up must be available, but the current status is "${snapshot.status}".`,
        );
    } else if (before === 'in-use' && booleanOf(wanted.force ?? false)) {
      // A guest is writing the volume, so a temporary snapshot is backed up instead. Both sagas
      // lock the volume, so the snapshot is taken first. The backup's saga removes it.
      temporary = newSnapshotRow(deps, request, volume, { name: `backup of ${volume.id}` });
      await insertSnapshot(trx, temporary);
      await enqueueOperation(deps, trx, request.id, {
        name: 'cinder.create-snapshot',
        lockKey: volumeLock(volume.id),
        input: { snapshotId: temporary.id, volumeId: volume.id, projectId: volume.project_id },
      });
    } else if (before !== 'available') {
      return fault(
        'badRequest',
        `Invalid volume: Volume to be backed up must be available${before === 'in-use' ? ', or in-use with force' : ''}, but the current status is "${before}".`,
      );
    } else await changeVolumeIn(trx, volume.id, ['available'], { status: 'backing-up' }, now);
    await insertBackup(trx, row);
    await enqueueOperation(deps, trx, request.id, {
      name: 'cinder.create-backup',
      lockKey: volumeLock(volume.id),
      input: {
        backupId: row.id,
        volumeId: volume.id,
        snapshotId: temporary?.id ?? row.snapshot_id,
        temporary: temporary !== undefined,
        projectId: row.project_id,
        before: before ?? 'available',
      },
    });
    return undefined;
  });
  if (refusal) return refusal;
  if (temporary) await deps.wakeVolume(request.id);
  await deps.wakeBackup(request.id);
  return row;
}
