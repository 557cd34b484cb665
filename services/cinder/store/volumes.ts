// SQL of volumes: every change of state is a compare-and-set on the status, so two callers never
// both win.
import type { VolumeStatus } from '#contracts/cinder/volume-states.ts';
import type { CinderDb, Scope } from './rows.ts';
import type { VolumeRow } from './tables.ts';

export async function findVolume(
  db: CinderDb,
  id: string,
  scope: Scope,
): Promise<VolumeRow | undefined> {
  const query = db.selectFrom('volumes').selectAll().where('id', '=', id);
  return await (scope === null ? query : query.where('project_id', '=', scope)).executeTakeFirst();
}

export async function insertVolume(trx: CinderDb, row: VolumeRow): Promise<void> {
  await trx.insertInto('volumes').values(row).execute();
}

export type VolumeChange = Partial<Omit<VolumeRow, 'id' | 'created_at_ms' | 'updated_at_ms'>>;

/** Changes a volume whatever it does. Returns whether it is there. */
export async function changeVolume(
  db: CinderDb,
  id: string,
  change: VolumeChange,
  nowMs: number,
): Promise<boolean> {
  return (
    (
      await db
        .updateTable('volumes')
        .set({ ...change, updated_at_ms: nowMs })
        .where('id', '=', id)
        .executeTakeFirst()
    ).numUpdatedRows === 1n
  );
}

/** Changes a volume only while it is in one of the states. Returns whether it was. */
export async function changeVolumeIn(
  db: CinderDb,
  id: string,
  from: readonly VolumeStatus[],
  change: VolumeChange,
  nowMs: number,
): Promise<boolean> {
  const result = await db
    .updateTable('volumes')
    .set({ ...change, updated_at_ms: nowMs })
    .where('id', '=', id)
    .where('status', 'in', [...from])
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/**
 * Changes nothing, but holds the row until the transaction ends: MariaDB would let two changes
 * start from the same state.
 */
export async function lockVolume(trx: CinderDb, id: string): Promise<void> {
  await trx
    .updateTable('volumes')
    .set((eb) => ({ status: eb.ref('status') }))
    .where('id', '=', id)
    .execute();
}

/** With everything that hangs on it. */
export async function deleteVolumeRows(trx: CinderDb, id: string): Promise<void> {
  await trx.deleteFrom('attachments').where('volume_id', '=', id).execute();
  await trx.deleteFrom('snapshots').where('volume_id', '=', id).execute();
  await trx.deleteFrom('transfers').where('volume_id', '=', id).execute();
  await trx.deleteFrom('volumes').where('id', '=', id).execute();
}

/** The lock of everything that changes a volume, its snapshots included. */
export const volumeLock = (id: string): string => `volume:${id}`;
