// Holds the database and the store against each other, for `cobalt doctor --audit`. Reads only.
import type { GlanceParts } from '../deps.ts';

/** One difference each, worded for an operator. An upload that runs is none. */
export async function auditImages({
  database: { db },
  store,
}: Pick<GlanceParts, 'database' | 'store'>): Promise<string[]> {
  const files = new Map((await store.list()).map((file) => [file.key, file]));
  const images = await db
    .selectFrom('images')
    .select(['id', 'status', 'size', 'data_key', 'upload_seen_ms'])
    .where('data_key', 'is not', null)
    .where('status', '!=', 'deleted')
    .execute();
  const problems: string[] = [];
  for (const { id, status, size, data_key, upload_seen_ms } of images) {
    const file = files.get(data_key ?? '');
    files.delete(data_key ?? '');
    if (upload_seen_ms !== null) continue;
    if (!file?.whole)
      problems.push(`image ${id} is ${status}, but its data ${data_key} is not in the store`);
    else if (file.sizeBytes !== size)
      problems.push(`image ${id} has ${size} bytes, its data ${data_key} has ${file.sizeBytes}`);
  }
  for (const { key, sizeBytes } of files.values())
    problems.push(`the store holds ${key} (${sizeBytes} bytes), which no image needs`);
  return problems;
}
