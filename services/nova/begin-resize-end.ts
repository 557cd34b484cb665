// Starts the confirmation or revert of a resize: task state, migration status, action log entry and
// the saga's journal entry, all in the caller's transaction. Called by the API, and by the task
// that confirms resizes after a configured time.
import { serverLock } from '#contracts/nova/operations.ts';
import type { NovaDeps } from './deps.ts';
import { enqueueOperation } from './operations.ts';
import { insertAction } from './store/actions.ts';
import { advanceMigration } from './store/server-migrations.ts';
import type { NovaDb } from './store/servers.ts';
import { beginTask } from './store/servers.ts';
import type { MigrationRow } from './store/tables.ts';

const ends = {
  confirm: {
    action: 'confirmResize',
    status: 'confirming',
    task: 'resize_confirming',
    operation: 'nova.confirm-resize',
  },
  revert: {
    action: 'revertResize',
    status: 'reverting',
    task: 'resize_reverting',
    operation: 'nova.revert-resize',
  },
} as const;

export type ResizeEnd = keyof typeof ends;
export const actionOfEnd = (end: ResizeEnd): string => ends[end].action;

/**
 * Returns false if the server is not in vm_state `resized`, or another operation is in progress.
 */
export async function beginResizeEnd(
  deps: Pick<NovaDeps, 'sagas' | 'ids'>,
  trx: NovaDb,
  migration: MigrationRow,
  end: ResizeEnd,
  by: { requestId: string; projectId: string; userId: string },
  nowMs: number,
): Promise<boolean> {
  const { action, status, task, operation } = ends[end];
  const { server_id: serverId, uuid: migrationId } = migration;
  if (!(await beginTask(trx, serverId, ['resized'], task, nowMs))) return false;
  if (!(await advanceMigration(trx, migration, status, nowMs)))
    throw new Error(`server ${serverId} is resized and its migration ${migrationId} not finished`);
  const actionId = deps.ids.uuid();
  await insertAction(trx, { id: actionId, serverId, action, ...by }, nowMs);
  await enqueueOperation(deps, trx, {
    name: operation,
    lockKey: serverLock(serverId),
    input: { serverId, actionId, migrationId },
    requestId: by.requestId,
  });
  return true;
}
