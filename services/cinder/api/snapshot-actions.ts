// Changes of a snapshot: its deletion, Nova's report on an online snapshot, and an operator's reset
// of its status. https://docs.openstack.org/api-ref/block-storage/v3/#volume-snapshots-snapshots
import Type from 'typebox';
import { volumeLock } from '#contracts/cinder/operations.ts';
import { snapshotStatuses } from '#contracts/cinder/volume-states.ts';
import type { SnapshotStatus } from '#contracts/cinder/volume-states.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import type { Reply, Route } from '#openstack/http/route.ts';
import { transaction } from '#platform/db/transaction.ts';
import { enqueueOperation } from '../store/operations.ts';
import { changeSnapshot, findSnapshot } from '../store/snapshots.ts';
import type { SnapshotRow } from '../store/tables.ts';
import { lockVolume } from '../store/volumes.ts';
import { action, actionRoute, resetStatusAction, statusSchema } from './actions.ts';
import { orNull, strict } from './field-schemas.ts';
import type { HandlerDeps } from './handler-deps.ts';
import { requestedSnapshot } from './request.ts';
import type { Request } from './request.ts';
import { notOffered } from './unsupported.ts';

export function snapshotActionRoute(deps: HandlerDeps): Route {
  const { db } = deps.database;
  const { clock } = deps;
  return actionRoute<SnapshotRow>(
    '/snapshots',
    async (request) => await requestedSnapshot(deps, request),
    {
      'os-reset_status': resetStatusAction(
        'volume_extension:snapshot_admin_actions:reset_status',
        snapshotStatuses,
        async (snapshot: SnapshotRow, status) =>
          await changeSnapshot(db, snapshot.id, { status }, clock.now()),
      ),
      'os-force_delete': action<SnapshotRow>({
        policy: 'volume_extension:snapshot_admin_actions:force_delete',
        body: Type.Any(),
        run: async (request, snapshot) => await deleteSnapshot(deps, request, snapshot, true),
      }),
      'os-update_snapshot_status': action<
        SnapshotRow,
        { status: SnapshotStatus; progress?: string | null }
      >({
        policy: 'snapshot_extension:snapshot_actions:update_snapshot_status',
        body: Type.Object(
          {
            status: statusSchema(snapshotStatuses),
            progress: Type.Optional(orNull(Type.String({ pattern: '^[0-9]{1,3}%$' }))),
          },
          strict,
        ),
        run: async (_, snapshot, { status, progress }) =>
          await takeStatus(deps, snapshot, status, progress ?? null),
      }),
      ...notOffered<SnapshotRow>({ 'os-unmanage': 'volume_extension:volume_unmanage' }),
    },
  );
}

/**
 * Begins to delete the snapshot. badRequest: its status forbids it. `force` overrides the status.
 * One that is being deleted is accepted again.
 */
export async function deleteSnapshot(
  deps: HandlerDeps,
  request: Request,
  snapshot: SnapshotRow,
  force: boolean,
): Promise<Outcome<Reply>> {
  const { db } = deps.database;
  const { clock } = deps;
  const refusal = await transaction(db, async (trx): Promise<Outcome<undefined>> => {
    await lockVolume(trx, snapshot.volume_id);
    const current = await findSnapshot(trx, snapshot.id, null);
    if (!current) return fault('notFound', `Snapshot ${snapshot.id} could not be found.`);
    if (current.status === 'deleting' && !force) return undefined;
    if (!force && !['available', 'error', 'error_deleting'].includes(current.status))
      return fault(
        'badRequest',
        `Invalid snapshot: Snapshot status must be available or error, but is ${current.status}.`,
      );
    await changeSnapshot(trx, snapshot.id, { status: 'deleting' }, clock.now());
    await enqueueOperation(deps, trx, request.id, {
      name: 'cinder.delete-snapshot',
      lockKey: volumeLock(snapshot.volume_id),
      input: {
        snapshotId: snapshot.id,
        volumeId: snapshot.volume_id,
        projectId: snapshot.project_id,
      },
    });
    return undefined;
  });
  if (refusal) return refusal;
  await deps.wakeVolume(request.id);
  return { status: 202 };
}

/**
 * Nova's report on an online snapshot: `creating` with 90% when the guest has switched to the new
 * file, `error` when it has not. If a saga asked for the snapshot, it sets the final status; else
 * the reported status is stored. cinder.api.contrib.snapshot_actions
 */
async function takeStatus(
  { database: { db }, clock }: HandlerDeps,
  snapshot: SnapshotRow,
  status: SnapshotStatus,
  progress: string | null,
): Promise<Outcome<Reply>> {
  const allowed: Partial<Record<SnapshotStatus, readonly SnapshotStatus[]>> = {
    creating: ['creating', 'available', 'error'],
    deleting: ['deleting', 'error_deleting'],
  };
  if (!allowed[snapshot.status])
    return fault(
      'badRequest',
      `Snapshot status ${snapshot.status} not allowed for update_snapshot_status`,
    );
  if (!allowed[snapshot.status]?.includes(status))
    return fault(
      'badRequest',
      `Provided snapshot status ${status} not allowed for snapshot with status ${snapshot.status}.`,
    );
  const progressChange = progress === null ? {} : { progress };
  if (snapshot.assisted !== null && snapshot.status === 'creating')
    await changeSnapshot(
      db,
      snapshot.id,
      { ...progressChange, assisted: status === 'error' ? 'failed' : 'done' },
      clock.now(),
    );
  else await changeSnapshot(db, snapshot.id, { ...progressChange, status }, clock.now());
  return { status: 202 };
}
