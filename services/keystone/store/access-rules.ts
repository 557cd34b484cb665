// SQL of access rules: requests to which application credentials can be restricted.
import { filtered } from './filter.ts';
import type { AccessRuleRow, Db } from './tables.ts';

/**
 * A rule to which a credential is to be restricted. `id`: an existing rule; without it a rule with
 * this content, created if needed.
 */
export interface WantedAccessRule {
  id?: string;
  service: string;
  method: string;
  path: string;
}

export async function findAccessRule(
  db: Db,
  userId: string,
  id: string,
): Promise<AccessRuleRow | undefined> {
  return await db
    .selectFrom('access_rule')
    .selectAll()
    .where('id', '=', id)
    .where('user_id', '=', userId)
    .executeTakeFirst();
}

export async function accessRulesOf(db: Db, userId: string): Promise<AccessRuleRow[]> {
  return await db
    .selectFrom('access_rule')
    .selectAll()
    .where('user_id', '=', userId)
    .orderBy('id')
    .execute();
}

/** The rules with these ids, sorted by id; unknown ids are left out. */
export async function accessRulesWithIds(db: Db, ids: readonly string[]): Promise<AccessRuleRow[]> {
  if (ids.length === 0) return [];
  return await db
    .selectFrom('access_rule')
    .selectAll()
    .where('id', 'in', ids)
    .orderBy('id')
    .execute();
}

/** Returns the id of the wanted rule of the user; inserts the rule if there is none. */
export async function ensureAccessRule(
  trx: Db,
  userId: string,
  { id, ...content }: WantedAccessRule,
  newId: () => string,
): Promise<string> {
  const query = trx.selectFrom('access_rule').select('id').where('user_id', '=', userId);
  const present = await filtered(query, id === undefined ? content : { id }).executeTakeFirst();
  if (present) return present.id;
  const row: AccessRuleRow = { id: newId(), user_id: userId, ...content };
  await trx.insertInto('access_rule').values(row).execute();
  return row.id;
}

export async function deleteAccessRule(db: Db, id: string): Promise<void> {
  await db.deleteFrom('access_rule').where('id', '=', id).execute();
}
