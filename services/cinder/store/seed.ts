// The volume types of a new cloud: the default type, and one per backend by its name.
import { isUniqueViolation } from '#platform/db/errors.ts';
import type { CinderDeps } from '../deps.ts';
import { defaultTypeName, insertType } from './types.ts';

/**
 * Runs once in a cloud's life, so that a type an operator deletes stays deleted. Safe to repeat.
 */
export async function seedVolumeTypes(
  { database: { db }, clock, ids }: Pick<CinderDeps, 'database' | 'clock' | 'ids'>,
  backends: Iterable<string>,
): Promise<void> {
  const add = async (
    name: string,
    description: string | null,
    extraSpecs: Record<string, string>,
  ): Promise<void> => {
    // False (ignored): an earlier, interrupted seed added it.
    await insertType(db, {
      id: ids.uuid(),
      name,
      description,
      is_public: 1,
      extra_specs_json: JSON.stringify(extraSpecs),
      created_at_ms: clock.now(),
    });
  };
  const mark = 'seeded';
  if (await db.selectFrom('marks').select('name').where('name', '=', mark).executeTakeFirst())
    return;
  await add(defaultTypeName, 'Default Volume Type', {});
  for (const backend of backends) await add(backend, null, { volume_backend_name: backend });
  await db
    .insertInto('marks')
    .values({ name: mark })
    .execute()
    .catch((error: unknown) => {
      if (!isUniqueViolation(error)) throw error; // another process seeded at the same time
    });
}
