// SQL of volume types and who may use the private ones.
import type { CinderDb, Scope } from './rows.ts';
import { metadataIn } from './rows.ts';
import type { Metadata } from './rows.ts';
import type { VolumeTypeRow } from './tables.ts';

/** Types that a project may see; scope null: all. */
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

/** `next` says what the specs become, or undefined to leave them. Answers whether they changed. */
export async function changeExtraSpecs(
  db: CinderDb,
  id: string,
  next: (now: Metadata) => Metadata | undefined,
): Promise<boolean> {
  return await db.transaction().execute(async (trx) => {
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
