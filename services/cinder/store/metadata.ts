// SQL of metadata of volumes and snapshots.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import { transaction } from '#platform/db/transaction.ts';
import type { CinderDb, Metadata } from './rows.ts';
import { metadataIn } from './rows.ts';

/**
 * Reads, changes and writes the metadata of a volume or snapshot in one transaction, so that no
 * concurrent change is lost. If `next` returns a fault, nothing changes. notFound: the object does
 * not exist.
 */
export async function changeMetadata(
  db: CinderDb,
  table: 'volumes' | 'snapshots',
  id: string,
  next: (now: Metadata) => Outcome<Metadata>,
  nowMs: number,
): Promise<Outcome<Metadata>> {
  return await transaction(db, async (trx): Promise<Outcome<Metadata>> => {
    // Locks the row.
    await trx.updateTable(table).set({ updated_at_ms: nowMs }).where('id', '=', id).execute();
    const row = await trx
      .selectFrom(table)
      .select('metadata_json')
      .where('id', '=', id)
      .executeTakeFirst();
    if (!row) return fault('notFound', `${id} could not be found.`);
    const metadata = next(metadataIn(row.metadata_json));
    if (!isFault(metadata))
      await trx
        .updateTable(table)
        .set({ metadata_json: JSON.stringify(metadata) })
        .where('id', '=', id)
        .execute();
    return metadata;
  });
}
