// SQL of a domain's configuration options.
import type { Json } from '#contracts/common/json.ts';
import { transaction } from '#platform/db/transaction.ts';
import type { Db } from './tables.ts';

/** Option values by group and option name. */
export type DomainOptions = Record<string, Record<string, Json>>;

export async function domainOptions(db: Db, domainId: string): Promise<DomainOptions> {
  const rows = await db
    .selectFrom('domain_config')
    .selectAll()
    .where('domain_id', '=', domainId)
    .orderBy('group')
    .orderBy('option')
    .execute();
  const options: DomainOptions = {};
  // JSON written by writeDomainOptions
  for (const row of rows) (options[row.group] ??= {})[row.option] = JSON.parse(row.value) as Json;
  return options;
}

/** Writes options of a domain. `replace`: deletes those that are not named. */
export async function writeDomainOptions(
  db: Db,
  domainId: string,
  options: DomainOptions,
  replace: boolean,
): Promise<void> {
  await transaction(db, async (trx) => {
    if (replace) await removeDomainOptions(trx, domainId, {});
    for (const [group, values] of Object.entries(options)) {
      for (const [option, value] of Object.entries(values)) {
        await removeDomainOptions(trx, domainId, { group, option });
        await trx
          .insertInto('domain_config')
          .values({ domain_id: domainId, group, option, value: JSON.stringify(value) })
          .execute();
      }
    }
  });
}

/** Removes all options of the domain, those of a group, or one. */
export async function removeDomainOptions(
  db: Db,
  domainId: string,
  { group, option }: { group?: string | undefined; option?: string | undefined },
): Promise<void> {
  let query = db.deleteFrom('domain_config').where('domain_id', '=', domainId);
  if (group !== undefined) query = query.where('group', '=', group);
  if (option !== undefined) query = query.where('option', '=', option);
  await query.execute();
}
