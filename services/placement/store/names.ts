// SQL of custom resource classes and traits, and of their use by providers.
import { transaction, upsert } from '#platform/db/transaction.ts';
import { customNames, type NameKind } from '../domain/names.ts';
import { moveGeneration, noteChange } from './generations.ts';
import type { PlacementDb } from './tables.ts';

/** The names that are neither standard nor custom. Makes no query if all are standard. */
export async function unknownNames(
  db: PlacementDb,
  kind: NameKind,
  names: Iterable<string>,
): Promise<string[]> {
  const custom = customNames(kind, names);
  if (custom.length === 0) return [];
  const rows = await db.selectFrom(kind).select('name').where('name', 'in', custom).execute();
  const existingNames = new Set(rows.map((row) => row.name));
  return custom.filter((name) => !existingNames.has(name));
}

/** All custom names, sorted. */
export async function addedNames(db: PlacementDb, kind: NameKind): Promise<string[]> {
  const rows = await db.selectFrom(kind).select('name').orderBy('name').execute();
  return rows.map((row) => row.name);
}

/** Adds a name unless it exists. Idempotent. */
export async function addName(
  db: PlacementDb,
  kind: NameKind,
  name: string,
  nowMs: number,
): Promise<void> {
  await upsert(db, kind, { name, created_at_ms: nowMs }, ['name']);
}

export async function deleteName(db: PlacementDb, kind: NameKind, name: string): Promise<void> {
  await db.deleteFrom(kind).where('name', '=', name).execute();
}

/** Whether a provider has an inventory of the class. */
export async function isClassInUse(db: PlacementDb, name: string): Promise<boolean> {
  const row = await db
    .selectFrom('inventories')
    .select('provider_uuid')
    .where('resource_class', '=', name)
    .executeTakeFirst();
  return row !== undefined;
}

/**
 * Renames a custom class. Tables refer to classes by name, so inventories and allocations are
 * updated, too, and the generations of the providers concerned are incremented.
 */
export async function renameClass(
  db: PlacementDb,
  from: string,
  to: string,
  nowMs: number,
): Promise<void> {
  await transaction(db, async (trx) => {
    const users = await trx
      .selectFrom('inventories')
      .select('provider_uuid')
      .where('resource_class', '=', from)
      .execute();
    for (const table of ['inventories', 'allocations'] as const)
      await trx
        .updateTable(table)
        .set({ resource_class: to })
        .where('resource_class', '=', from)
        .execute();
    await trx.updateTable('resource_classes').set({ name: to }).where('name', '=', from).execute();
    for (const { provider_uuid: uuid } of users) await moveGeneration(trx, uuid, undefined, nowMs);
    await noteChange(trx);
  });
}

/** Whether a provider has the trait. */
export async function isTraitInUse(db: PlacementDb, name: string): Promise<boolean> {
  const row = await db
    .selectFrom('provider_traits')
    .select('provider_uuid')
    .where('trait', '=', name)
    .executeTakeFirst();
  return row !== undefined;
}

/** Traits that some provider has. */
export async function traitsInUse(db: PlacementDb): Promise<Set<string>> {
  const rows = await db.selectFrom('provider_traits').select('trait').distinct().execute();
  return new Set(rows.map((row) => row.trait));
}

/**
 * Replaces a provider's traits. To be called in a transaction that also increments the provider's
 * generation.
 */
export async function replaceTraits(
  trx: PlacementDb,
  providerUuid: string,
  traits: readonly string[],
): Promise<void> {
  await trx.deleteFrom('provider_traits').where('provider_uuid', '=', providerUuid).execute();
  for (const trait of traits)
    await trx
      .insertInto('provider_traits')
      .values({ provider_uuid: providerUuid, trait })
      .execute();
}
