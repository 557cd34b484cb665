// SQL of backups. `changeBackupIn` changes a status by compare-and-set, `changeBackup` whatever it
// is.
import type { BackupStatus } from '#contracts/cinder/volume-states.ts';
import type { RowChange } from './row-by-id.ts';
import { changeRow, changeRowIn, findRow } from './row-by-id.ts';
import type { CinderDb, Metadata, Scope } from './rows.ts';
import type { BackupRow } from './tables.ts';

export const findBackup = async (
  db: CinderDb,
  id: string,
  scope: Scope,
): Promise<BackupRow | undefined> => await findRow(db, 'backups', id, scope);

export async function insertBackup(trx: CinderDb, row: BackupRow): Promise<void> {
  await trx.insertInto('backups').values(row).execute();
}

export async function deleteBackupRow(db: CinderDb, id: string): Promise<void> {
  await db.deleteFrom('backups').where('id', '=', id).execute();
}

export type BackupChange = RowChange<'backups'>;

export const changeBackup = async (
  db: CinderDb,
  id: string,
  change: BackupChange,
  nowMs: number,
): Promise<boolean> => await changeRow(db, 'backups', id, change, nowMs);

/** Changes the backup only while it is in one of the statuses `from`; returns whether it was. */
export const changeBackupIn = async (
  db: CinderDb,
  id: string,
  from: readonly BackupStatus[],
  change: BackupChange,
  nowMs: number,
): Promise<boolean> => await changeRowIn(db, 'backups', id, from, change, nowMs);

/** The id under which the backup's data is in the store. */
export const dataIdOf = ({ id, data_id }: Pick<BackupRow, 'id' | 'data_id'>): string =>
  data_id ?? id;

/** Whether another backup uses the same data. */
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

/** What a restored volume gets besides its data: `volume_facts_json`. */
export interface BackedUpFacts {
  bootable: number;
  metadata: Metadata;
  imageMetadata: Metadata;
}

// written by this release or an earlier one
export const backedUpFacts = (row: Pick<BackupRow, 'volume_facts_json'>): BackedUpFacts =>
  JSON.parse(row.volume_facts_json) as BackedUpFacts;
