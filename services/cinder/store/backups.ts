// SQL of backups; changes of state are compare-and-set.
import type { BackupStatus } from '#contracts/cinder/volume-states.ts';
import type { CinderDb, Metadata, Scope } from './rows.ts';
import type { BackupRow } from './tables.ts';

export async function findBackup(
  db: CinderDb,
  id: string,
  scope: Scope,
): Promise<BackupRow | undefined> {
  const query = db.selectFrom('backups').selectAll().where('id', '=', id);
  return await (scope === null ? query : query.where('project_id', '=', scope)).executeTakeFirst();
}

export async function insertBackup(trx: CinderDb, row: BackupRow): Promise<void> {
  await trx.insertInto('backups').values(row).execute();
}

export async function deleteBackupRow(db: CinderDb, id: string): Promise<void> {
  await db.deleteFrom('backups').where('id', '=', id).execute();
}

export type BackupChange = Partial<Omit<BackupRow, 'id' | 'created_at_ms' | 'updated_at_ms'>>;

export async function changeBackup(
  db: CinderDb,
  id: string,
  change: BackupChange,
  nowMs: number,
): Promise<boolean> {
  return (
    (
      await db
        .updateTable('backups')
        .set({ ...change, updated_at_ms: nowMs })
        .where('id', '=', id)
        .executeTakeFirst()
    ).numUpdatedRows === 1n
  );
}

/** Only while it is in one of the states. Returns whether it was. */
export async function changeBackupIn(
  db: CinderDb,
  id: string,
  from: readonly BackupStatus[],
  change: BackupChange,
  nowMs: number,
): Promise<boolean> {
  const result = await db
    .updateTable('backups')
    .set({ ...change, updated_at_ms: nowMs })
    .where('id', '=', id)
    .where('status', 'in', [...from])
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/** Under which id the backup's data lies in the store. */
export const dataIdOf = ({ id, data_id }: Pick<BackupRow, 'id' | 'data_id'>): string =>
  data_id ?? id;

/** Whether another backup needs the same data. */
export async function sharesData(db: CinderDb, row: BackupRow): Promise<boolean> {
  const dataId = dataIdOf(row);
  const other = await db
    .selectFrom('backups')
    .select('id')
    .where('id', '!=', row.id)
    .where((eb) =>
      eb.or([
        eb('data_id', '=', dataId),
        eb.and([eb('id', '=', dataId), eb('data_id', 'is', null)]),
      ]),
    )
    .limit(1)
    .executeTakeFirst();
  return other !== undefined;
}

/** What a restored volume takes over beside its bytes: `volume_facts_json`. */
export interface BackedUpFacts {
  bootable: number;
  metadata: Metadata;
  imageMetadata: Metadata;
}

// written by this release or an earlier one
export const backedUpFacts = (row: Pick<BackupRow, 'volume_facts_json'>): BackedUpFacts =>
  JSON.parse(row.volume_facts_json) as BackedUpFacts;
