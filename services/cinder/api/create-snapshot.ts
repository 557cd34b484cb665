// POST /snapshots: inserts the row and journals its saga in one transaction. Also builds the row of
// other new snapshots. https://docs.openstack.org/api-ref/block-storage/v3/#create-a-snapshot
import { volumeLock } from '#contracts/cinder/operations.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import { booleanOf } from '#openstack/http/lenient-values.ts';
import { transaction } from '#platform/db/transaction.ts';
import { enqueueOperation } from '../store/operations.ts';
import { insertSnapshot } from '../store/snapshots.ts';
import type { SnapshotRow, VolumeRow } from '../store/tables.ts';
import { findVolume, requireLockedVolume } from '../store/volumes.ts';
import type { DisplayTexts } from './display-texts.ts';
import type { HandlerDeps } from './handler-deps.ts';
import { scopeOf } from './request.ts';
import type { Request } from './request.ts';
import { takeQuota } from './take-quota.ts';

export interface WantedSnapshot extends DisplayTexts {
  volume_id?: string | null;
  force?: boolean | string | null;
  metadata?: Record<string, string> | null;
}
/**
 * Since this microversion a snapshot of a volume in use needs no `force`, and `force: false` is
 * refused. api-ref, 3.66.
 */
const forceless = 66;

export async function createSnapshot(
  deps: HandlerDeps,
  request: Request,
  wanted: WantedSnapshot,
): Promise<Outcome<SnapshotRow>> {
  const { db } = deps.database;
  const id = wanted.volume_id;
  const volume = id ? await findVolume(db, id, scopeOf(request)) : undefined;
  if (!volume) return fault('notFound', `Volume ${id ?? 'None'} could not be found.`);
  if (
    request.version >= forceless &&
    wanted.force !== undefined &&
    (wanted.force === null || booleanOf(wanted.force) !== true)
  )
    return fault(
      'badRequest',
      "Invalid value for 'force': since microversion 3.66 a snapshot of a volume in use needs none, and only 'true' is taken.",
    );
  const evenInUse = request.version >= forceless || booleanOf(wanted.force ?? false) === true;
  const row = newSnapshotRow(deps, request, volume, wanted);
  const refusal = await transaction(db, async (trx): Promise<Outcome<undefined>> => {
    const current = await requireLockedVolume(trx, volume.id);
    if (isFault(current)) return current;
    if (current.status !== 'available' && !(evenInUse && current.status === 'in-use'))
      return fault(
        'badRequest',
        `Invalid volume: Volume ${volume.id} status must be available${evenInUse ? ' or in-use' : ''}, but current status is: ${current.status}.`,
      );
    row.size_gib = current.size_gib;
    const over = await takeQuota(
      deps,
      trx,
      current.project_id,
      { snapshots: 1, gigabytes: current.size_gib },
      { typeId: current.type_id },
    );
    if (over) return over;
    await insertSnapshot(trx, row);
    await enqueueOperation(deps, trx, request.id, {
      name: 'cinder.create-snapshot',
      lockKey: volumeLock(volume.id),
      input: { snapshotId: row.id, volumeId: volume.id, projectId: volume.project_id },
    });
    return undefined;
  });
  if (refusal) return refusal;
  await deps.wakeVolume(request.id);
  return row;
}

export function newSnapshotRow(
  { ids, clock }: HandlerDeps,
  request: Request,
  volume: VolumeRow,
  wanted: WantedSnapshot,
): SnapshotRow {
  return {
    id: ids.uuid(),
    volume_id: volume.id,
    project_id: volume.project_id,
    user_id: request.auth.userId,
    name: wanted.name ?? wanted.display_name ?? null,
    description: wanted.description ?? wanted.display_description ?? null,
    status: 'creating',
    progress: '0%',
    size_gib: volume.size_gib,
    metadata_json: JSON.stringify(wanted.metadata ?? {}),
    assisted: null,
    created_at_ms: clock.now(),
    updated_at_ms: null,
  };
}
