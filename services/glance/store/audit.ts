// Compares the database with the image store for `cobalt doctor --audit`. Only reads; called by
// compose.
import type { ImageStore } from '#ports/image-store.ts';
import { differences } from '../domain/image-files.ts';
import type { GlanceDb } from './tables.ts';

/** Texts of differences; empty in a healthy cloud at rest. */
export async function auditImages(
  db: GlanceDb,
  store: Pick<ImageStore, 'list'>,
): Promise<string[]> {
  // Files are listed first: a key is in the database before its file is in the store.
  const files = await store.list();
  const rows = await db
    .selectFrom('images')
    .select(['id', 'status', 'size', 'data_key', 'upload_seen_ms'])
    .where('data_key', 'is not', null)
    .where('status', '!=', 'deleted')
    .execute();
  const images = rows.map((row) => ({
    id: row.id,
    status: row.status,
    sizeBytes: row.size,
    dataKey: row.data_key,
    uploading: row.upload_seen_ms !== null,
  }));
  return differences(images, files);
}
