// What users and groups (actors) have in common: a domain and role assignments.
import type { Db } from './tables.ts';

export type ActorKind = 'user' | 'group';

/** The id of the actor's domain; undefined: there is no such user or group. */
export async function domainOfActor(
  db: Db,
  kind: ActorKind,
  id: string,
): Promise<string | undefined> {
  const row = await db.selectFrom(kind).select('domain_id').where('id', '=', id).executeTakeFirst();
  return row?.domain_id;
}

/**
 * Deletes users or groups with their role assignments; foreign keys delete memberships and
 * credentials.
 */
export async function deleteActors(db: Db, kind: ActorKind, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await db
    .deleteFrom('assignment')
    .where('actor_kind', '=', kind)
    .where('actor_id', 'in', ids)
    .execute();
  await db.deleteFrom(kind).where('id', 'in', ids).execute();
}
