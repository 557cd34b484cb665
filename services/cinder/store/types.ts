// SQL of volume types, and of projects' access to private ones.
import { isUniqueViolation } from '#platform/db/errors.ts';
import { transaction, upsert } from '#platform/db/transaction.ts';
import type { CinderDb, Scope } from './rows.ts';
import { metadataIn } from './rows.ts';
import type { Metadata } from './rows.ts';
import type { VolumeTypeRow } from './tables.ts';

/** The type of a volume whose request names none. */
export const defaultTypeName = '__DEFAULT__';

/** Types that a project may see; scope null: all types. */
function visible(db: CinderDb, scope: Scope) {
  const query = db.selectFrom('volume_types').selectAll();
  if (scope === null) return query;
  return query.where((eb) =>
    eb.or([
      eb('is_public', '=', 1),
      eb(
        'id',
        'in',
        eb.selectFrom('type_access').select('type_id').where('project_id', '=', scope),
      ),
    ]),
  );
}

export async function findType(
  db: CinderDb,
  id: string,
  scope: Scope,
): Promise<VolumeTypeRow | undefined> {
  return await visible(db, scope).where('id', '=', id).executeTakeFirst();
}

export async function findTypeByIdOrName(
  db: CinderDb,
  text: string,
  scope: Scope,
): Promise<VolumeTypeRow | undefined> {
  return (
    (await findType(db, text, scope)) ??
    (await visible(db, scope).where('name', '=', text).executeTakeFirst())
  );
}

export async function listTypes(
  db: CinderDb,
  scope: Scope,
  onlyPublic: boolean | null,
): Promise<VolumeTypeRow[]> {
  const query = visible(db, scope).orderBy('created_at_ms', 'desc').orderBy('id', 'desc');
  return await (
    onlyPublic === null ? query : query.where('is_public', '=', onlyPublic ? 1 : 0)
  ).execute();
}

export async function typeNames(db: CinderDb): Promise<Map<string, string>> {
  return new Map(
    (await db.selectFrom('volume_types').select(['id', 'name']).execute()).map(({ id, name }) => [
      id,
      name,
    ]),
  );
}

export const extraSpecsOf = (type: VolumeTypeRow): Metadata => metadataIn(type.extra_specs_json);

/**
 * Changes the extra specs of a type. `next` returns the new specs, or undefined to keep them.
 * Returns whether they changed.
 */
export async function changeExtraSpecs(
  db: CinderDb,
  id: string,
  next: (now: Metadata) => Metadata | undefined,
): Promise<boolean> {
  return await transaction(db, async (trx) => {
    await trx
      .updateTable('volume_types')
      .set((eb) => ({ is_public: eb.ref('is_public') }))
      .where('id', '=', id)
      .execute();
    const row = await findType(trx, id, null);
    const specs = row && next(extraSpecsOf(row));
    if (!specs) return false;
    await trx
      .updateTable('volume_types')
      .set({ extra_specs_json: JSON.stringify(specs) })
      .where('id', '=', id)
      .execute();
    return true;
  });
}

/** Returns false if a type with this name exists. */
export async function insertType(db: CinderDb, row: VolumeTypeRow): Promise<boolean> {
  return await unlessDuplicate(db.insertInto('volume_types').values(row).execute());
}

/** Returns false if another type has the name. */
export async function changeType(
  db: CinderDb,
  id: string,
  change: Partial<Pick<VolumeTypeRow, 'name' | 'description' | 'is_public'>>,
): Promise<boolean> {
  return await unlessDuplicate(
    db.updateTable('volume_types').set(change).where('id', '=', id).execute(),
  );
}

async function unlessDuplicate(write: Promise<unknown>): Promise<boolean> {
  try {
    await write;
    return true;
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    return false;
  }
}

/** Returns false if volumes of this type exist. */
export async function deleteType(db: CinderDb, id: string): Promise<boolean> {
  return await transaction(db, async (trx) => {
    const used = await trx
      .selectFrom('volumes')
      .select('id')
      .where('type_id', '=', id)
      .limit(1)
      .executeTakeFirst();
    if (used) return false;
    await trx.deleteFrom('type_access').where('type_id', '=', id).execute();
    await trx.deleteFrom('volume_types').where('id', '=', id).execute();
    return true;
  });
}

/** The projects that may use a private type. */
export async function projectsOfType(db: CinderDb, typeId: string): Promise<string[]> {
  const rows = await db
    .selectFrom('type_access')
    .select('project_id')
    .where('type_id', '=', typeId)
    .orderBy('project_id')
    .execute();
  return rows.map(({ project_id }) => project_id);
}

/** Returns false if the project has access already. */
export async function addTypeAccess(
  db: CinderDb,
  typeId: string,
  projectId: string,
): Promise<boolean> {
  const existing = await db
    .selectFrom('type_access')
    .select('type_id')
    .where('type_id', '=', typeId)
    .where('project_id', '=', projectId)
    .executeTakeFirst();
  if (existing) return false;
  await upsert(db, 'type_access', { type_id: typeId, project_id: projectId }, [
    'type_id',
    'project_id',
  ]);
  return true;
}

/** Returns false if the project had no access. */
export async function removeTypeAccess(
  db: CinderDb,
  typeId: string,
  projectId: string,
): Promise<boolean> {
  const deletion = await db
    .deleteFrom('type_access')
    .where('type_id', '=', typeId)
    .where('project_id', '=', projectId)
    .executeTakeFirst();
  return deletion.numDeletedRows > 0n;
}
