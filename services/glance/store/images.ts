// SQL of images with their tags and properties.
import { isUniqueViolation } from '#platform/db/errors.ts';
import { transaction } from '#platform/db/transaction.ts';
import type { Image, ImageDraft, ImageStatus } from '../domain/image.ts';
import type { GlanceDb, ImageRow } from './tables.ts';

/** An image with its generation, for compare-and-set. */
export interface StoredImage extends Image {
  generation: number;
  /** An upload of its data is running in some process, or has died. */
  uploading: boolean;
}

export async function findImage(db: GlanceDb, id: string): Promise<StoredImage | undefined> {
  const row = await db
    .selectFrom('images')
    .selectAll()
    .where('id', '=', id)
    .where('status', '!=', 'deleted')
    .executeTakeFirst();
  return row && (await withBelongings(db, [row]))[0];
}

/** The rows as images with tags and properties, in the order of `rows`; always two queries. */
export async function withBelongings(
  db: GlanceDb,
  rows: readonly ImageRow[],
): Promise<StoredImage[]> {
  if (rows.length === 0) return [];
  const ids = rows.map((row) => row.id);
  const tags = await db
    .selectFrom('image_tags')
    .selectAll()
    .where('image_id', 'in', ids)
    .orderBy('tag')
    .execute();
  const properties = await db
    .selectFrom('image_properties')
    .selectAll()
    .where('image_id', 'in', ids)
    .orderBy('name')
    .execute();
  const tagsOf = Map.groupBy(tags, (row) => row.image_id);
  const propertiesOf = Map.groupBy(properties, (row) => row.image_id);
  return rows.map((row) => ({
    id: row.id,
    name: row.name,
    status: row.status,
    visibility: row.visibility,
    owner: row.owner,
    isProtected: row.protected === 1,
    isHidden: row.os_hidden === 1,
    diskFormat: row.disk_format,
    containerFormat: row.container_format,
    minDiskGib: row.min_disk,
    minRamMib: row.min_ram,
    sizeBytes: row.size,
    virtualSizeBytes: row.virtual_size,
    md5: row.checksum,
    sha512: row.os_hash_value,
    dataKey: row.data_key,
    createdAtMs: row.created_at_ms,
    updatedAtMs: row.updated_at_ms,
    generation: row.generation,
    uploading: row.upload_seen_ms !== null,
    tags: (tagsOf.get(row.id) ?? []).map(({ tag }) => tag),
    properties: Object.fromEntries(
      (propertiesOf.get(row.id) ?? []).map(({ name, value }) => [name, value]),
    ),
  }));
}

/** Returns false if the id is taken, even by an image that was deleted. */
export async function insertImage(
  db: GlanceDb,
  id: string,
  draft: ImageDraft,
  nowMs: number,
): Promise<boolean> {
  try {
    return await transaction(db, async (trx) => {
      if (
        await trx
          .selectFrom('purged_image_ids')
          .select('id')
          .where('id', '=', id)
          .executeTakeFirst()
      )
        return false;
      await trx
        .insertInto('images')
        .values({
          id,
          status: 'queued',
          size: null,
          virtual_size: null,
          checksum: null,
          os_hash_value: null,
          data_key: null,
          upload_seen_ms: null,
          upload_owner: null,
          generation: 0,
          created_at_ms: nowMs,
          updated_at_ms: nowMs,
          ...columnsOf(draft),
        })
        .execute();
      await putBelongings(trx, id, draft);
      return true;
    });
  } catch (error) {
    if (isUniqueViolation(error)) return false;
    throw error;
  }
}

/**
 * Changes an image by compare-and-set on the generation; returns false if the image was changed
 * meanwhile.
 */
export async function changeImage(
  db: GlanceDb,
  image: StoredImage,
  draft: ImageDraft,
  nowMs: number,
): Promise<boolean> {
  return await transaction(db, async (trx) => {
    const { numUpdatedRows } = await trx
      .updateTable('images')
      .set({ ...columnsOf(draft), generation: image.generation + 1, updated_at_ms: nowMs })
      .where('id', '=', image.id)
      .where('generation', '=', image.generation)
      .where('status', '!=', 'deleted')
      .executeTakeFirst();
    if (numUpdatedRows === 0n) return false;
    await trx.deleteFrom('image_tags').where('image_id', '=', image.id).execute();
    await trx.deleteFrom('image_properties').where('image_id', '=', image.id).execute();
    await putBelongings(trx, image.id, draft);
    return true;
  });
}

/** Changes the status only if it still is `from`; returns false otherwise. */
export async function moveStatus(
  db: GlanceDb,
  id: string,
  from: ImageStatus,
  to: ImageStatus,
  nowMs: number,
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('images')
    .set((eb) => ({ status: to, updated_at_ms: nowMs, generation: eb('generation', '+', 1) }))
    .where('id', '=', id)
    .where('status', '=', from)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/**
 * Marks the image as deleted and deletes its tags, properties and members. Returns false if it was
 * deleted already or is protected now.
 */
export async function deleteImage(db: GlanceDb, id: string, nowMs: number): Promise<boolean> {
  return await transaction(db, async (trx) => {
    const { numUpdatedRows } = await trx
      .updateTable('images')
      .set({ status: 'deleted', upload_seen_ms: null, updated_at_ms: nowMs })
      .where('id', '=', id)
      .where('status', '!=', 'deleted')
      .where('protected', '=', 0)
      .executeTakeFirst();
    if (numUpdatedRows === 0n) return false;
    for (const table of ['image_tags', 'image_properties', 'image_members'] as const)
      await trx.deleteFrom(table).where('image_id', '=', id).execute();
    return true;
  });
}

const columnsOf = (draft: ImageDraft) => ({
  name: draft.name,
  visibility: draft.visibility,
  owner: draft.owner,
  protected: Number(draft.isProtected),
  os_hidden: Number(draft.isHidden),
  disk_format: draft.diskFormat,
  container_format: draft.containerFormat,
  min_disk: draft.minDiskGib,
  min_ram: draft.minRamMib,
});

async function putBelongings(
  db: GlanceDb,
  image_id: string,
  { tags, properties }: ImageDraft,
): Promise<void> {
  const rows = Object.entries(properties).map(([name, value]) => ({ image_id, name, value }));
  if (tags.length > 0)
    await db
      .insertInto('image_tags')
      .values(tags.map((tag) => ({ image_id, tag })))
      .execute();
  if (rows.length > 0) await db.insertInto('image_properties').values(rows).execute();
}

const purgedAtOnce = 500;

/**
 * Deletes records of images that were deleted before `beforeMs`, and keeps only their ids. Returns
 * how many.
 */
export async function purgeImages(db: GlanceDb, beforeMs: number): Promise<number> {
  for (let purged = 0; ;) {
    const count = await transaction(db, async (trx) => {
      const ids = (
        await trx
          .selectFrom('images')
          .select('id')
          .where('status', '=', 'deleted')
          .where('updated_at_ms', '<', beforeMs)
          .limit(purgedAtOnce)
          .execute()
      ).map(({ id }) => id);
      if (ids.length === 0) return 0;
      await trx
        .insertInto('purged_image_ids')
        .values(ids.map((id) => ({ id })))
        .execute();
      await trx.deleteFrom('images').where('id', 'in', ids).execute();
      return ids.length;
    });
    purged += count;
    if (count < purgedAtOnce) return purged;
  }
}
