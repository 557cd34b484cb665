// SQL of keypairs. A keypair belongs to a user, in whatever project.
import { transaction } from '#platform/db/transaction.ts';
import { takeNumbers } from './servers.ts';
import type { NovaDb } from './servers.ts';
import type { KeypairRow } from './tables.ts';

export async function listKeypairs(db: NovaDb, userId: string): Promise<KeypairRow[]> {
  return await db
    .selectFrom('keypairs')
    .selectAll()
    .where('user_id', '=', userId)
    .orderBy('name')
    .execute();
}

export async function findKeypair(
  db: NovaDb,
  userId: string,
  name: string,
): Promise<KeypairRow | undefined> {
  return await db
    .selectFrom('keypairs')
    .selectAll()
    .where('user_id', '=', userId)
    .where('name', '=', name)
    .executeTakeFirst();
}

export async function countKeypairs(db: NovaDb, userId: string): Promise<number> {
  const { count } = await db
    .selectFrom('keypairs')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('user_id', '=', userId)
    .executeTakeFirstOrThrow();
  return Number(count);
}

/**
 * Inserts a keypair. 'taken': the user has one of this name; 'full': the user has `limit` keypairs
 * already (-1: no limit). Checked and inserted in one transaction.
 */
export async function insertKeypair(
  db: NovaDb,
  row: Omit<KeypairRow, 'id'>,
  limit: number,
): Promise<'taken' | 'full' | 'done'> {
  return await transaction(db, async (trx) => {
    // Locks the counter's row first, which serializes concurrent creates, so that the checks are
    // safe.
    const [id = 0] = await takeNumbers(trx, 'keypairs', 1);
    if (await findKeypair(trx, row.user_id, row.name)) return 'taken';
    if (limit >= 0 && (await countKeypairs(trx, row.user_id)) >= limit) return 'full';
    await trx
      .insertInto('keypairs')
      .values({ ...row, id })
      .execute();
    return 'done';
  });
}

/** Returns whether the keypair existed. */
export async function deleteKeypair(db: NovaDb, userId: string, name: string): Promise<boolean> {
  return (
    (
      await db
        .deleteFrom('keypairs')
        .where('user_id', '=', userId)
        .where('name', '=', name)
        .executeTakeFirst()
    ).numDeletedRows > 0n
  );
}
