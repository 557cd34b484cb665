// Changes of a backup: its deletion, and an operator's reset of its status.
// https://docs.openstack.org/api-ref/block-storage/v3/#backups-backups
import Type from 'typebox';
import { backupLock } from '#contracts/cinder/operations.ts';
import { backupStatuses } from '#contracts/cinder/volume-states.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import type { Reply, Route } from '#openstack/http/route.ts';
import { transaction } from '#platform/db/transaction.ts';
import { changeBackup, changeBackupIn, dataIdOf } from '../store/backups.ts';
import { enqueueOperation } from '../store/operations.ts';
import type { BackupRow } from '../store/tables.ts';
import { action, actionRoute, resetStatusAction } from './actions.ts';
import type { HandlerDeps } from './handler-deps.ts';
import type { Request } from './request.ts';
import { requestedBackup } from './restore.ts';

export function backupActionRoute(deps: HandlerDeps): Route {
  const { db } = deps.database;
  const { clock } = deps;
  return actionRoute<BackupRow>(
    '/backups',
    async (request) => await requestedBackup(deps, request, request.params['id'] ?? ''),
    {
      'os-reset_status': resetStatusAction(
        'volume_extension:backup_admin_actions:reset_status',
        backupStatuses,
        async (row: BackupRow, status) => await changeBackup(db, row.id, { status }, clock.now()),
      ),
      'os-force_delete': action<BackupRow>({
        policy: 'volume_extension:backup_admin_actions:force_delete',
        body: Type.Any(),
        run: async (request, row) => await deleteBackup(deps, request, row, true),
      }),
    },
    'volume_extension:backup_admin_actions:reset_status',
  );
}

export async function deleteBackup(
  deps: HandlerDeps,
  request: Request,
  row: BackupRow,
  force: boolean,
): Promise<Outcome<Reply>> {
  const { db } = deps.database;
  const { clock } = deps;
  const begun = await transaction(db, async (trx) => {
    if (
      !(await changeBackupIn(
        trx,
        row.id,
        force
          ? backupStatuses.filter((status) => status !== 'deleting')
          : ['available', 'error', 'error_deleting'],
        { status: 'deleting' },
        clock.now(),
      ))
    )
      return false;
    await enqueueOperation(deps, trx, request.id, {
      name: 'cinder.delete-backup',
      lockKey: backupLock(dataIdOf(row)),
      input: { backupId: row.id, projectId: row.project_id },
    });
    return true;
  });
  if (!begun)
    return fault(
      'badRequest',
      `Invalid backup: Backup status must be available or error, but is ${row.status}.`,
    );
  await deps.wakeBackup(request.id);
  return { status: 202 };
}
