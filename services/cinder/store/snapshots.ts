// SQL of snapshots. `changeSnapshotIn` changes a status by compare-and-set, `changeSnapshot`
// whatever it is.
import type { SnapshotStatus } from '#contracts/cinder/volume-states.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import type { RowChange } from './row-by-id.ts';
import { changeRow, changeRowIn, findRow } from './row-by-id.ts';
import type { CinderDb, Scope } from './rows.ts';
import type { SnapshotRow } from './tables.ts';

export const findSnapshot = async (
  db: CinderDb,
  id: string,
  scope: Scope,
): Promise<SnapshotRow | undefined> => await findRow(db, 'snapshots', id, scope);

/**
 * The snapshot of any project. notFound: it was deleted meanwhile. For saga steps, which see all
 * projects' objects.
 */
export async function requireSnapshot(db: CinderDb, id: string): Promise<Outcome<SnapshotRow>> {
  return (
    (await findSnapshot(db, id, null)) ?? fault('notFound', `Snapshot ${id} could not be found.`)
  );
}

export async function insertSnapshot(trx: CinderDb, row: SnapshotRow): Promise<void> {
  await trx.insertInto('snapshots').values(row).execute();
}

export async function snapshotsOf(db: CinderDb, volumeId: string): Promise<SnapshotRow[]> {
  return await db
    .selectFrom('snapshots')
    .selectAll()
    .where('volume_id', '=', volumeId)
    .orderBy('created_at_ms')
    .orderBy('id')
    .execute();
}

export type SnapshotChange = RowChange<'snapshots'>;

export const changeSnapshot = async (
  db: CinderDb,
  id: string,
  change: SnapshotChange,
  nowMs: number,
): Promise<boolean> => await changeRow(db, 'snapshots', id, change, nowMs);

/** Changes the snapshot only while it is in one of the statuses `from`; returns whether it was. */
export const changeSnapshotIn = async (
  db: CinderDb,
  id: string,
  from: readonly SnapshotStatus[],
  change: SnapshotChange,
  nowMs: number,
): Promise<boolean> => await changeRowIn(db, 'snapshots', id, from, change, nowMs);

export async function deleteSnapshotRow(trx: CinderDb, id: string): Promise<void> {
  await trx.deleteFrom('snapshots').where('id', '=', id).execute();
}

/** Moves all snapshots of a volume to another project, together with the volume. */
export async function transferSnapshots(
  trx: CinderDb,
  volumeId: string,
  owner: { projectId: string; userId: string },
): Promise<void> {
  await trx
    .updateTable('snapshots')
    .set({ project_id: owner.projectId, user_id: owner.userId })
    .where('volume_id', '=', volumeId)
    .execute();
}
