// Access rules of users: the requests that their application credentials may be limited to.
import { filtered } from './filter.ts';
import type { AccessRuleRow, Db } from './tables.ts';

/** `id`: a rule that there is; else one with this content. */
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

/** The rules with these ids, in the order of their ids; an id without a rule is left out. */
export async function accessRulesWithIds(db: Db, ids: readonly string[]): Promise<AccessRuleRow[]> {
  if (ids.length === 0) return [];
  return await db
    .selectFrom('access_rule')
    .selectAll()
    .where('id', 'in', ids)
    .orderBy('id')
    .execute();
}

/** The id of the user's rule that is wanted, inserted where there is none. */
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
