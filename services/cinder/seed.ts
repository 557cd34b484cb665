// The volume types of a fresh cloud: the default one, and one a backend to choose it by name.
import { isUniqueViolation } from '#platform/db/errors.ts';
import type { CinderDeps } from './deps.ts';

export const defaultTypeName = '__DEFAULT__';

/** Once in a cloud's life: what an operator deletes later stays deleted. */
export async function seed({ database: { db }, clock, ids, backends }: CinderDeps): Promise<void> {
  const add = async (
    name: string,
    description: string | null,
    extraSpecs: Record<string, string>,
  ): Promise<void> => {
    await db
      .insertInto('volume_types')
      .values({
        id: ids.uuid(),
        name,
        description,
        is_public: 1,
        extra_specs_json: JSON.stringify(extraSpecs),
        created_at_ms: clock.now(),
      })
      .execute()
      .catch((error: unknown) => {
        if (!isUniqueViolation(error)) throw error; // an earlier try made it
      });
  };
  const mark = 'seeded';
  if (await db.selectFrom('marks').select('name').where('name', '=', mark).executeTakeFirst())
    return;
  await add(defaultTypeName, 'Default Volume Type', {});
  for (const backend of backends.keys()) await add(backend, null, { volume_backend_name: backend });
  await db
    .insertInto('marks')
    .values({ name: mark })
    .execute()
    .catch((error: unknown) => {
      if (!isUniqueViolation(error)) throw error; // another process seeded at the same time
    });
}
