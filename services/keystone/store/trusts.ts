// SQL of trusts: roles on a project that one user delegates to another. Deleted trusts are kept and
// marked.
import { filtered, type Filters } from './filter.ts';
import type { Db, TrustRow, UserRow } from './tables.ts';

/** Finds a trust that is not deleted; it may have expired. */
export async function findTrust(db: Db, id: string): Promise<TrustRow | undefined> {
  return await db
    .selectFrom('trust')
    .selectAll()
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .executeTakeFirst();
}

/** Trusts that are neither deleted nor expired. */
export async function listLivingTrusts(
  db: Db,
  nowMs: number,
  filters: Filters<'trustor_user_id' | 'trustee_user_id'>,
): Promise<TrustRow[]> {
  const query = db
    .selectFrom('trust')
    .selectAll()
    .where('deleted_at', 'is', null)
    .where((eb) => eb.or([eb('expires_at', 'is', null), eb('expires_at', '>', nowMs)]))
    .orderBy('id');
  return await filtered(query, filters).execute();
}

/** The state of trustor and trustee that decides whether tokens from the trust are still valid. */
export async function usersOfTrust(
  db: Db,
  trust: TrustRow,
): Promise<(Pick<UserRow, 'enabled' | 'tokens_valid_from'> & { domain_enabled: number })[]> {
  return await db
    .selectFrom('user')
    .innerJoin('project as domain', 'domain.id', 'user.domain_id')
    .select(['user.enabled', 'user.tokens_valid_from', 'domain.enabled as domain_enabled'])
    .where('user.id', 'in', [trust.trustor_user_id, trust.trustee_user_id])
    .execute();
}

export async function insertTrust(db: Db, row: TrustRow): Promise<void> {
  await db.insertInto('trust').values(row).execute();
}

/** Uses a limited trust once. Returns false if no uses are left. Atomic under concurrent logins. */
export async function takeUseOfTrust(db: Db, id: string): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('trust')
    .set((eb) => ({ remaining_uses: eb('remaining_uses', '-', 1) }))
    .where('id', '=', id)
    .where('remaining_uses', '>', 0)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

export async function markTrustDeleted(db: Db, id: string, nowMs: number): Promise<void> {
  await db.updateTable('trust').set({ deleted_at: nowMs }).where('id', '=', id).execute();
}
