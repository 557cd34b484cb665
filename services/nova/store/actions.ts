// SQL of a server's action log: one action for each request, one event for each recorded saga step.
import type { NovaDb } from './servers.ts';
import type { ActionEventRow, ActionRow } from './tables.ts';

export interface NewAction {
  /** Journalled as part of the saga's input; its steps record their events under this id. */
  id: string;
  serverId: string;
  /** The API's name of the action: 'create', 'stop', 'rebuild' … */
  action: string;
  requestId: string;
  projectId: string;
  userId: string;
}

export async function insertAction(trx: NovaDb, action: NewAction, nowMs: number): Promise<void> {
  await trx
    .insertInto('actions')
    .values({
      id: action.id,
      server_id: action.serverId,
      action: action.action,
      request_id: action.requestId,
      project_id: action.projectId,
      user_id: action.userId,
      message: null,
      started_at_ms: nowMs,
      updated_at_ms: nowMs,
    })
    .execute();
}

/**
 * Records a step that has ended, as one row. Idempotent: `seq` is the natural key, so a repeated
 * step replaces its event.
 */
export async function recordEvent(db: NovaDb, event: ActionEventRow): Promise<void> {
  await db
    .deleteFrom('action_events')
    .where('action_id', '=', event.action_id)
    .where('seq', '=', event.seq)
    .execute();
  await db.insertInto('action_events').values(event).execute();
  await db
    .updateTable('actions')
    .set({ updated_at_ms: event.finished_at_ms ?? event.started_at_ms })
    .where('id', '=', event.action_id)
    .execute();
}

export async function failAction(
  db: NovaDb,
  id: string,
  message: string,
  nowMs: number,
): Promise<void> {
  await db
    .updateTable('actions')
    .set({ message, updated_at_ms: nowMs })
    .where('id', '=', id)
    .execute();
}

export async function listActions(db: NovaDb, serverId: string): Promise<ActionRow[]> {
  return await db
    .selectFrom('actions')
    .selectAll()
    .where('server_id', '=', serverId)
    .orderBy('started_at_ms', 'desc')
    .orderBy('id', 'desc')
    .execute();
}

export async function findAction(
  db: NovaDb,
  serverId: string,
  requestId: string,
): Promise<ActionRow | undefined> {
  return await db
    .selectFrom('actions')
    .selectAll()
    .where('server_id', '=', serverId)
    .where('request_id', '=', requestId)
    .orderBy('started_at_ms', 'desc')
    .limit(1)
    .executeTakeFirst();
}

export async function eventsOf(db: NovaDb, actionId: string): Promise<ActionEventRow[]> {
  return await db
    .selectFrom('action_events')
    .selectAll()
    .where('action_id', '=', actionId)
    .orderBy('seq', 'desc')
    .execute();
}
