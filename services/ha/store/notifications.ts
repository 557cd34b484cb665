// SQL of the notifications of external monitors.
import type { NotificationStatus } from '#contracts/ha/masakari.ts';
import { nextNumber, numbered } from './segments.ts';
import type { HaDb, NotificationRow } from './tables.ts';

/** Statuses in which the engine still has to act. */
export const openStatuses: readonly NotificationStatus[] = ['new', 'running', 'error'];

export const listNotifications = async (db: HaDb): Promise<NotificationRow[]> =>
  await db.selectFrom('notifications').selectAll().execute();

export const findNotification = async (
  db: HaDb,
  uuid: string,
): Promise<NotificationRow | undefined> =>
  await db.selectFrom('notifications').selectAll().where('uuid', '=', uuid).executeTakeFirst();

export const listOpen = async (db: HaDb): Promise<NotificationRow[]> =>
  await db
    .selectFrom('notifications')
    .selectAll()
    .where('status', 'in', openStatuses)
    .orderBy('number')
    .execute();

/** Inserts a notification. undefined: an equal one for the host has arrived since `sinceMs`. */
export async function createNotification(
  db: HaDb,
  notification: Omit<
    NotificationRow,
    'number' | 'status' | 'incident_id' | 'phase' | 'phase_since_ms' | 'details' | 'updated_at_ms'
  >,
  sinceMs: number,
): Promise<NotificationRow | undefined> {
  return await numbered(db, async (trx) => {
    const same = await trx
      .selectFrom('notifications')
      .select('uuid')
      .where('host_uuid', '=', notification.host_uuid)
      .where('type', '=', notification.type)
      .where('payload', '=', notification.payload)
      .where('created_at_ms', '>', sinceMs)
      .executeTakeFirst();
    if (same) return undefined;
    const row: NotificationRow = {
      ...notification,
      number: await nextNumber(trx, 'notifications'),
      status: 'new',
      incident_id: null,
      phase: null,
      phase_since_ms: null,
      details: '[]',
      updated_at_ms: null,
    };
    await trx.insertInto('notifications').values(row).execute();
    return row;
  });
}

/**
 * Changes a notification by compare-and-set on status and phase. Returns false if another process
 * has changed the row.
 */
export async function changeNotification(
  db: HaDb,
  { uuid, status, phase }: NotificationRow,
  change: Partial<NotificationRow>,
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('notifications')
    .set(change)
    .where('uuid', '=', uuid)
    .where('status', '=', status)
    .where('phase', phase === null ? 'is' : '=', phase)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/**
 * Whether a notification about one of these hosts is open. Until it is closed the host and its
 * segment must not be changed.
 */
export async function areInUse(db: HaDb, hostUuids: readonly string[]): Promise<boolean> {
  if (hostUuids.length === 0) return false;
  const open = await db
    .selectFrom('notifications')
    .select('uuid')
    .where('host_uuid', 'in', hostUuids)
    .where('status', 'in', openStatuses)
    .executeTakeFirst();
  return open !== undefined;
}

/** Deletes notifications that have ended; returns their number. */
export async function forgetNotifications(db: HaDb, beforeMs: number): Promise<number> {
  const { numDeletedRows } = await db
    .deleteFrom('notifications')
    .where('status', 'not in', openStatuses)
    .where('created_at_ms', '<', beforeMs)
    .executeTakeFirst();
  return Number(numDeletedRows);
}
