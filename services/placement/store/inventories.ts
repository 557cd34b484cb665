// SQL of inventories. Every write belongs in a transaction that increments the provider's
// generation: generations.ts.
import type { Inventory } from '#contracts/placement/wire.ts';
import type { PlacementDb } from './tables.ts';

/** The classes among `classes` of which consumers hold allocations at the provider. */
export async function classesInUse(
  db: PlacementDb,
  providerUuid: string,
  classes: readonly string[],
): Promise<string[]> {
  if (classes.length === 0) return [];
  const rows = await db
    .selectFrom('allocations')
    .select('resource_class')
    .distinct()
    .where('provider_uuid', '=', providerUuid)
    .where('resource_class', 'in', classes)
    .execute();
  return rows.map((row) => row.resource_class);
}

/** Replaces all inventories of the provider. */
export async function replaceInventories(
  trx: PlacementDb,
  providerUuid: string,
  inventories: ReadonlyMap<string, Inventory>,
): Promise<void> {
  await trx.deleteFrom('inventories').where('provider_uuid', '=', providerUuid).execute();
  for (const [resourceClass, inventory] of inventories)
    await insertInventory(trx, providerUuid, resourceClass, inventory);
}

/** Inserts or replaces the inventory of one class. */
export async function putInventory(
  trx: PlacementDb,
  providerUuid: string,
  resourceClass: string,
  inventory: Inventory,
): Promise<void> {
  await deleteInventories(trx, providerUuid, [resourceClass]);
  await insertInventory(trx, providerUuid, resourceClass, inventory);
}

/** Returns false if the provider has an inventory of the class already. */
export async function addInventory(
  trx: PlacementDb,
  providerUuid: string,
  resourceClass: string,
  inventory: Inventory,
): Promise<boolean> {
  const present = await trx
    .selectFrom('inventories')
    .select('resource_class')
    .where('provider_uuid', '=', providerUuid)
    .where('resource_class', '=', resourceClass)
    .executeTakeFirst();
  if (present) return false;
  await insertInventory(trx, providerUuid, resourceClass, inventory);
  return true;
}

export async function classesOf(trx: PlacementDb, providerUuid: string): Promise<string[]> {
  const rows = await trx
    .selectFrom('inventories')
    .select('resource_class')
    .where('provider_uuid', '=', providerUuid)
    .execute();
  return rows.map((row) => row.resource_class);
}

export async function deleteInventories(
  trx: PlacementDb,
  providerUuid: string,
  classes: readonly string[],
): Promise<void> {
  await trx
    .deleteFrom('inventories')
    .where('provider_uuid', '=', providerUuid)
    .where('resource_class', 'in', classes)
    .execute();
}

async function insertInventory(
  trx: PlacementDb,
  providerUuid: string,
  resourceClass: string,
  inventory: Inventory,
): Promise<void> {
  await trx
    .insertInto('inventories')
    .values({ provider_uuid: providerUuid, resource_class: resourceClass, ...inventory })
    .execute();
}
