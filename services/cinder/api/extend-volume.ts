// os-extend: journals the saga that grows the volume. The new size counts against the quota at
// once. https://docs.openstack.org/api-ref/block-storage/v3/#extend-a-volume-size
import { volumeLock } from '#contracts/cinder/operations.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Reply } from '#openstack/http/route.ts';
import { transaction } from '#platform/db/transaction.ts';
import { enqueueOperation } from '../store/operations.ts';
import type { VolumeRow } from '../store/tables.ts';
import { changeVolume, requireLockedVolume } from '../store/volumes.ts';
import type { HandlerDeps } from './handler-deps.ts';
import { wrongStatus } from './request.ts';
import type { Request } from './request.ts';
import { takeQuota } from './take-quota.ts';

const extendAttachedSince = 42;

/**
 * Begins to extend the volume to `newGib`; quota is checked and the status changed in one
 * transaction. badRequest: wrong status or size.
 */
export async function extendVolume(
  deps: HandlerDeps,
  request: Request,
  volume: VolumeRow,
  newGib: number,
): Promise<Outcome<Reply>> {
  const { db } = deps.database;
  const { clock } = deps;
  const refusal = await transaction(db, async (trx): Promise<Outcome<undefined>> => {
    const current = await requireLockedVolume(trx, volume.id);
    if (isFault(current)) return current;
    const attached = current.status === 'in-use';
    if (attached && request.version < extendAttachedSince)
      return wrongStatus(current, `available to extend (in-use since 3.${extendAttachedSince})`);
    if (current.status !== 'available' && !attached)
      return wrongStatus(current, 'available or in-use to extend');
    const more = newGib - current.size_gib;
    if (more <= 0)
      return fault(
        'badRequest',
        `Invalid input received: New size for extend must be greater than current size. (current: ${current.size_gib}, extended: ${newGib}).`,
      );
    const over = await takeQuota(
      deps,
      trx,
      current.project_id,
      { gigabytes: more },
      { typeId: current.type_id, volumeGib: newGib },
    );
    if (over) return over;
    await changeVolume(trx, volume.id, { status: 'extending', extending_gib: more }, clock.now());
    await enqueueOperation(deps, trx, request.id, {
      name: 'cinder.extend-volume',
      lockKey: volumeLock(volume.id),
      input: {
        volumeId: volume.id,
        projectId: volume.project_id,
        oldGib: current.size_gib,
        newGib,
        attached,
      },
    });
    return undefined;
  });
  if (refusal) return refusal;
  await deps.wakeVolume(request.id);
  return { status: 202 };
}
