// Names of all objects that a role assignment can refer to, for `?include_names`.
import type { Db } from './tables.ts';

/** By id: the name and, for objects in a domain, that domain. */
export type Names = ReadonlyMap<string, { name: string; domain?: { id: string; name: string } }>;

export async function namesById(db: Db): Promise<Names> {
  const projects = await db.selectFrom('project').select(['id', 'name', 'domain_id']).execute();
  const users = await db.selectFrom('user').select(['id', 'name', 'domain_id']).execute();
  const groups = await db.selectFrom('group').select(['id', 'name', 'domain_id']).execute();
  const roles = await db.selectFrom('role').select(['id', 'name', 'domain_id']).execute();
  const domains = new Map(
    projects.filter((row) => row.domain_id === '').map((row) => [row.id, row.name]),
  );
  return new Map(
    [...projects, ...users, ...groups, ...roles].map((row) => [
      row.id,
      {
        name: row.name,
        ...(row.domain_id !== '' && {
          domain: { id: row.domain_id, name: domains.get(row.domain_id) ?? '' },
        }),
      },
    ]),
  );
}
