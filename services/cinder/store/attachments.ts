// SQL of attachments: which server has which volume, and in which status.
import { findRow } from './row-by-id.ts';
import type { CinderDb, Scope } from './rows.ts';
import type { AttachmentRow } from './tables.ts';

export const findAttachment = async (
  db: CinderDb,
  id: string,
  scope: Scope,
): Promise<AttachmentRow | undefined> => await findRow(db, 'attachments', id, scope);

export async function attachmentsOf(db: CinderDb, volumeId: string): Promise<AttachmentRow[]> {
  return await db
    .selectFrom('attachments')
    .selectAll()
    .where('volume_id', '=', volumeId)
    .orderBy('created_at_ms')
    .orderBy('id')
    .execute();
}

/** Attachments of many volumes by volume id, for lists. */
export async function attachmentsOfAll(
  db: CinderDb,
  volumeIds: readonly string[],
): Promise<Map<string, AttachmentRow[]>> {
  const byVolume = new Map<string, AttachmentRow[]>();
  if (volumeIds.length === 0) return byVolume;
  for (const row of await db
    .selectFrom('attachments')
    .selectAll()
    .where('volume_id', 'in', [...volumeIds])
    .orderBy('created_at_ms')
    .execute()) {
    const rows = byVolume.get(row.volume_id) ?? [];
    rows.push(row);
    byVolume.set(row.volume_id, rows);
  }
  return byVolume;
}

export async function insertAttachment(trx: CinderDb, row: AttachmentRow): Promise<void> {
  await trx.insertInto('attachments').values(row).execute();
}

export async function changeAttachment(
  db: CinderDb,
  id: string,
  change: Partial<Omit<AttachmentRow, 'id'>>,
): Promise<boolean> {
  return (
    (await db.updateTable('attachments').set(change).where('id', '=', id).executeTakeFirst())
      .numUpdatedRows === 1n
  );
}

export async function deleteAttachment(trx: CinderDb, id: string): Promise<void> {
  await trx.deleteFrom('attachments').where('id', '=', id).execute();
}

/** Marks all attachments of a volume attached, when an operator resets its attach status. */
export async function markAttached(trx: CinderDb, volumeId: string): Promise<void> {
  await trx
    .updateTable('attachments')
    .set({ status: 'attached' })
    .where('volume_id', '=', volumeId)
    .execute();
}

export async function deleteAttachmentsOf(trx: CinderDb, volumeId: string): Promise<void> {
  await trx.deleteFrom('attachments').where('volume_id', '=', volumeId).execute();
}

/** Whether a guest may be writing the volume. */
export async function isInUse(db: CinderDb, volumeId: string): Promise<boolean> {
  return (await attachmentsOf(db, volumeId)).some(isConnected);
}

/** Whether a host has been given a connection to the volume, so that a guest may be writing it. */
export const isConnected = (row: AttachmentRow): boolean =>
  row.connection_json !== null ||
  row.status === 'attaching' ||
  row.status === 'attached' ||
  row.status === 'detaching';
