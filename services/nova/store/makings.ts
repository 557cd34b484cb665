// SQL of makings: a row stands while a request makes things at other services, and afterwards until
// what is not kept is removed.
import type { NovaDb } from './servers.ts';
import type { MakingRow } from './tables.ts';

export async function findMaking(db: NovaDb, id: string): Promise<MakingRow | undefined> {
  return await db.selectFrom('makings').selectAll().where('id', '=', id).executeTakeFirst();
}

export async function insertMaking(trx: NovaDb, row: MakingRow): Promise<void> {
  await trx.insertInto('makings').values(row).execute();
}

export async function renewMaking(db: NovaDb, id: string, aliveUntilMs: number): Promise<void> {
  await db
    .updateTable('makings')
    .set({ alive_until_ms: aliveUntilMs })
    .where('id', '=', id)
    .execute();
}

/**
 * All of it (`parts` null), or the first parts: the rest is given up. False: it was given up
 * already.
 */
export async function keepMaking(trx: NovaDb, id: string, parts: number | null): Promise<boolean> {
  if (parts !== null)
    return (
      (
        await trx
          .updateTable('makings')
          .set({ given_up: 1, kept: parts })
          .where('id', '=', id)
          .where('given_up', '=', 0)
          .executeTakeFirst()
      ).numUpdatedRows === 1n
    );
  return (
    (
      await trx
        .deleteFrom('makings')
        .where('id', '=', id)
        .where('given_up', '=', 0)
        .executeTakeFirst()
    ).numDeletedRows === 1n
  );
}

/** False: it was kept, or all of it is removed. Of `keepMaking` and this, one wins. */
export async function giveUpMaking(db: NovaDb, id: string): Promise<boolean> {
  return (
    (await db.updateTable('makings').set({ given_up: 1 }).where('id', '=', id).executeTakeFirst())
      .numUpdatedRows === 1n
  );
}

export async function deleteMaking(db: NovaDb, id: string): Promise<void> {
  await db.deleteFrom('makings').where('id', '=', id).execute();
}
