// os-retype: changes the type of a volume that stays where it is.
// https://docs.openstack.org/api-ref/block-storage/v3/#retype-a-volume
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Reply } from '#openstack/http/route.ts';
import type { VolumeRow } from '../store/tables.ts';
import { findTypeByIdOrName } from '../store/types.ts';
import { changeVolumeIn } from '../store/volumes.ts';
import type { HandlerDeps } from './handler-deps.ts';
import { schedulerTimeoutMs } from './pools.ts';
import { scopeOf, wrongStatus } from './request.ts';
import type { Request } from './request.ts';

/**
 * Changes the volume's type. Only a type that the volume's present pool satisfies is accepted: that
 * changes the row alone. notImplemented for others, which would move the volume to another backend.
 */
export async function retypeVolume(
  deps: HandlerDeps,
  request: Request,
  volume: VolumeRow,
  newType: string,
): Promise<Outcome<Reply>> {
  const { db } = deps.database;
  const { clock } = deps;
  const type = await findTypeByIdOrName(db, newType, scopeOf(request));
  if (!type) return fault('badRequest', `Invalid volume type: ${newType} could not be found.`);
  if (volume.status !== 'available' && volume.status !== 'in-use')
    return wrongStatus(volume, 'available or in-use to retype');
  if (type.id === volume.type_id)
    return fault(
      'badRequest',
      `Invalid input received: New volume_type same as original: ${newType}.`,
    );
  const fit =
    volume.host === null
      ? { suits: false }
      : await deps.scheduler.call(
          'suitsType',
          { host: volume.host, typeId: type.id },
          { timeoutMs: schedulerTimeoutMs, requestId: request.id },
        );
  if (isFault(fit)) return fit;
  if (!fit.suits)
    return fault(
      'notImplemented',
      'To retype a volume to another backend is not offered by this cloud.',
    );
  return (await changeVolumeIn(
    db,
    volume.id,
    ['available', 'in-use'],
    { type_id: type.id },
    clock.now(),
  ))
    ? { status: 202 }
    : wrongStatus(volume, 'available or in-use to retype');
}
