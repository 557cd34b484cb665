// Reads and changes one row by id, the same way for volumes, snapshots, backups and related tables.
// The stores of these tables wrap it.
import type { CinderDb, ListedTable, Scope } from './rows.ts';
import type { CinderTables } from './tables.ts';

export async function findRow<N extends ListedTable>(
  db: CinderDb,
  table: N,
  id: string,
  scope: Scope,
): Promise<CinderTables[N] | undefined> {
  const query = db
    .selectFrom(table as ListedTable)
    .selectAll()
    .where('id', '=', id);
  const row = await (
    scope === null ? query : query.where('project_id', '=', scope)
  ).executeTakeFirst();
  return row as CinderTables[N] | undefined; // a row of this table
}

type StatusTable = 'volumes' | 'snapshots' | 'backups';
export type RowChange<N extends StatusTable> = Partial<
  Omit<CinderTables[N], 'id' | 'created_at_ms' | 'updated_at_ms'>
>;

/** Changes a row whatever its status. Returns whether it exists. */
export const changeRow = async <N extends StatusTable>(
  db: CinderDb,
  table: N,
  id: string,
  change: RowChange<N>,
  nowMs: number,
): Promise<boolean> => isChanged(await update(db, table, id, change, nowMs).executeTakeFirst());

/** Changes a row only while it is in one of these statuses. Returns whether it was. */
export const changeRowIn = async <N extends StatusTable>(
  db: CinderDb,
  table: N,
  id: string,
  from: readonly CinderTables[N]['status'][],
  change: RowChange<N>,
  nowMs: number,
): Promise<boolean> =>
  isChanged(
    await update(db, table, id, change, nowMs)
      .where('status', 'in', [...from])
      .executeTakeFirst(),
  );

const update = <N extends StatusTable>(
  db: CinderDb,
  table: N,
  id: string,
  change: RowChange<N>,
  nowMs: number,
) =>
  db
    .updateTable(table as StatusTable)
    .set({ ...change, updated_at_ms: nowMs })
    .where('id', '=', id);

const isChanged = ({ numUpdatedRows }: { numUpdatedRows: bigint }): boolean =>
  numUpdatedRows === 1n;
