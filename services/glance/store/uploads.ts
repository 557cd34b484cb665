// SQL of uploads. A key is claimed in the database before its first byte is written, so that every
// file in the store is either named by a row or an orphan.
import { holdName } from '#platform/db/named-lock.ts';
import { transaction } from '#platform/db/transaction.ts';
import type { StoredData } from '#ports/image-store.ts';
import type { GlanceDb } from './tables.ts';

/**
 * What is uploaded, as the image's status meanwhile. 'saving': the image's data. 'uploading':
 * staged for a later import.
 */
export type UploadKind = 'saving' | 'uploading';

/**
 * Moves a queued image to saving or uploading under a key. Returns false if the image does not
 * accept data now.
 */
export async function claimUpload(
  db: GlanceDb,
  id: string,
  { kind, key, owner }: { kind: UploadKind; key: string; owner: string },
  nowMs: number,
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('images')
    .set((eb) => ({
      status: kind,
      data_key: key,
      upload_seen_ms: nowMs,
      upload_owner: owner,
      updated_at_ms: nowMs,
      generation: eb('generation', '+', 1),
    }))
    .where('id', '=', id)
    .where('status', '=', 'queued')
    .where('data_key', 'is', null)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** Records a heartbeat of the upload. */
export async function touchUpload(db: GlanceDb, key: string, nowMs: number): Promise<void> {
  await db
    .updateTable('images')
    .set({ upload_seen_ms: nowMs })
    .where('data_key', '=', key)
    .where('upload_seen_ms', 'is not', null)
    .execute();
}

/** Total bytes of a project's images. */
export async function usedBytes(db: GlanceDb, owner: string | null): Promise<number> {
  const row = await db
    .selectFrom('images')
    .select((eb) => eb.fn.sum<number | null>('size').as('bytes'))
    .where('status', '!=', 'deleted')
    .where('owner', owner === null ? 'is' : '=', owner)
    .executeTakeFirst();
  return row?.bytes ?? 0;
}

/**
 * Completes an upload. 'abandoned': the image was deleted, or another process considered the upload
 * dead. 'overQuota': other uploads have used up the quota meanwhile.
 */
export async function finishUpload(
  db: GlanceDb,
  upload: { key: string; owner: string | null; data: StoredData; virtualSizeBytes: number | null },
  quotaBytes: number,
  nowMs: number,
): Promise<'stored' | 'abandoned' | 'overQuota'> {
  const { key, owner, data, virtualSizeBytes } = upload;
  return await transaction(db, async (trx) => {
    await holdName(trx, `quota of ${owner ?? ''}`); // serialises this project's uploads
    if ((await usedBytes(trx, owner)) + data.sizeBytes > quotaBytes) return 'overQuota';
    const row = await trx
      .selectFrom('images')
      .select('status')
      .where('data_key', '=', key)
      .where('upload_seen_ms', 'is not', null)
      .executeTakeFirst();
    if (row?.status !== 'saving' && row?.status !== 'uploading') return 'abandoned';
    const { numUpdatedRows } = await trx
      .updateTable('images')
      .set((eb) => ({
        status: row.status === 'saving' ? 'active' : 'uploading',
        upload_seen_ms: null,
        size: data.sizeBytes,
        virtual_size: virtualSizeBytes,
        checksum: data.md5,
        os_hash_value: data.sha512,
        updated_at_ms: nowMs,
        generation: eb('generation', '+', 1),
      }))
      .where('data_key', '=', key)
      .where('status', '=', row.status)
      .where('upload_seen_ms', 'is not', null)
      .executeTakeFirst();
    return numUpdatedRows > 0n ? 'stored' : 'abandoned';
  });
}

/** Makes the staged data the image's data. Returns false if there is no complete staged data. */
export async function importStaged(db: GlanceDb, id: string, nowMs: number): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('images')
    .set((eb) => ({ status: 'active', updated_at_ms: nowMs, generation: eb('generation', '+', 1) }))
    .where('id', '=', id)
    .where('status', '=', 'uploading')
    .where('upload_seen_ms', 'is', null)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** Ends a failed upload: the image is queued again. Idempotent by key. */
export async function abandonUpload(db: GlanceDb, key: string, nowMs: number): Promise<void> {
  await db
    .updateTable('images')
    .set((eb) => ({ ...withoutData(nowMs), generation: eb('generation', '+', 1) }))
    .where('data_key', '=', key)
    .where('status', 'in', ['saving', 'uploading'])
    .where('upload_seen_ms', 'is not', null)
    .execute();
}

/** Keys of uploads that are running or have died, with their process and last heartbeat. */
export async function runningUploads(
  db: GlanceDb,
): Promise<{ key: string; owner: string | null; seenMs: number }[]> {
  const rows = await db
    .selectFrom('images')
    .select(['data_key', 'upload_owner', 'upload_seen_ms'])
    .where('status', 'in', ['saving', 'uploading'])
    .where('upload_seen_ms', 'is not', null)
    .execute();
  return rows.flatMap(({ data_key: key, upload_owner: owner, upload_seen_ms: seenMs }) =>
    key === null || seenMs === null ? [] : [{ key, owner, seenMs }],
  );
}

/** Like `abandonUpload`, but returns false if a heartbeat came after `seenMs`. */
export async function abandonDeadUpload(
  db: GlanceDb,
  upload: { key: string; seenMs: number },
  nowMs: number,
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('images')
    .set((eb) => ({ ...withoutData(nowMs), generation: eb('generation', '+', 1) }))
    .where('data_key', '=', upload.key)
    .where('status', 'in', ['saving', 'uploading'])
    .where('upload_seen_ms', '<=', upload.seenMs)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

const withoutData = (nowMs: number) => ({
  status: 'queued' as const,
  data_key: null,
  upload_seen_ms: null,
  updated_at_ms: nowMs,
});

/** Those of the keys that some image still needs. */
export async function neededKeys(db: GlanceDb, keys: readonly string[]): Promise<Set<string>> {
  const needed = new Set<string>();
  for (let at = 0; at < keys.length; at += keysAtOnce) {
    const rows = await db
      .selectFrom('images')
      .select('data_key')
      .where('data_key', 'in', keys.slice(at, at + keysAtOnce))
      .where('status', '!=', 'deleted')
      .execute();
    for (const { data_key } of rows) if (data_key !== null) needed.add(data_key);
  }
  return needed;
}

const keysAtOnce = 500;
