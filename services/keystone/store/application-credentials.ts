// SQL of application credentials: credentials for programs, with some of their user's roles.
import { transaction } from '#platform/db/transaction.ts';
import { ensureAccessRule, type WantedAccessRule } from './access-rules.ts';
import { filtered, type Filters } from './filter.ts';
import type { ApplicationCredentialRow, Db } from './tables.ts';
import { unlessDuplicate } from './unless-duplicate.ts';

/** Finds a credential by id, whoever its user is: for logins and tokens that name it. */
export async function findApplicationCredential(
  db: Db,
  id: string,
): Promise<ApplicationCredentialRow | undefined> {
  return await db
    .selectFrom('application_credential')
    .selectAll()
    .where('id', '=', id)
    .executeTakeFirst();
}

/** Finds a credential of this user by id or name. */
export async function findApplicationCredentialOf(
  db: Db,
  userId: string,
  key: { id: string } | { name: string },
): Promise<ApplicationCredentialRow | undefined> {
  const query = db.selectFrom('application_credential').selectAll().where('user_id', '=', userId);
  return await filtered(query, key).executeTakeFirst();
}

export async function applicationCredentialsOf(
  db: Db,
  userId: string,
  filters: Filters<'name'> = {},
): Promise<ApplicationCredentialRow[]> {
  const query = db
    .selectFrom('application_credential')
    .selectAll()
    .where('user_id', '=', userId)
    .orderBy('name');
  return await filtered(query, filters).execute();
}

/**
 * Inserts the credential, and those of its access rules that the user does not have yet. `rules`
 * undefined: unrestricted. Returns undefined if the user has a credential of this name.
 */
export async function insertApplicationCredential(
  db: Db,
  row: Omit<ApplicationCredentialRow, 'access_rules'>,
  rules: readonly WantedAccessRule[] | undefined,
  newId: () => string,
): Promise<ApplicationCredentialRow | undefined> {
  let accessRules: string | null = null;
  const inserted = await unlessDuplicate(() =>
    transaction(db, async (trx) => {
      const ruleIds: string[] = [];
      for (const rule of rules ?? [])
        ruleIds.push(await ensureAccessRule(trx, row.user_id, rule, newId));
      accessRules = rules ? JSON.stringify(ruleIds) : null;
      await trx
        .insertInto('application_credential')
        .values({ ...row, access_rules: accessRules })
        .execute();
    }),
  );
  return inserted ? { ...row, access_rules: accessRules } : undefined;
}

export async function deleteApplicationCredential(db: Db, id: string): Promise<void> {
  await db.deleteFrom('application_credential').where('id', '=', id).execute();
}
