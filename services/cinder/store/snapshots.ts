// SQL of snapshots; changes of state are compare-and-set.
import type { SnapshotStatus } from '#contracts/cinder/volume-states.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import type { CinderDb, Scope } from './rows.ts';
import type { SnapshotRow } from './tables.ts';

export async function findSnapshot(
  db: CinderDb,
  id: string,
  scope: Scope,
): Promise<SnapshotRow | undefined> {
  const query = db.selectFrom('snapshots').selectAll().where('id', '=', id);
  return await (scope === null ? query : query.where('project_id', '=', scope)).executeTakeFirst();
}

/** notFound: it was deleted. For steps of sagas, which see everybody's. */
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

export type SnapshotChange = Partial<Omit<SnapshotRow, 'id' | 'created_at_ms' | 'updated_at_ms'>>;

export async function changeSnapshot(
  db: CinderDb,
  id: string,
  change: SnapshotChange,
  nowMs: number,
): Promise<boolean> {
  return (
    (
      await db
        .updateTable('snapshots')
        .set({ ...change, updated_at_ms: nowMs })
        .where('id', '=', id)
        .executeTakeFirst()
    ).numUpdatedRows === 1n
  );
}

/** Only while it is in one of the states. Returns whether it was. */
export async function changeSnapshotIn(
  db: CinderDb,
  id: string,
  from: readonly SnapshotStatus[],
  change: SnapshotChange,
  nowMs: number,
): Promise<boolean> {
  const result = await db
    .updateTable('snapshots')
    .set({ ...change, updated_at_ms: nowMs })
    .where('id', '=', id)
    .where('status', 'in', [...from])
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

export async function deleteSnapshotRow(trx: CinderDb, id: string): Promise<void> {
  await trx.deleteFrom('snapshots').where('id', '=', id).execute();
}

/** All snapshots of a volume become another project's, as the volume does. */
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
