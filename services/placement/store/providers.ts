// SQL of resource providers: names and place in a tree.
import { isUniqueViolation } from '#platform/db/errors.ts';
import { transaction } from '#platform/db/transaction.ts';
import { lockProvider, noteChange } from './generations.ts';
import type { PlacementDb } from './tables.ts';

export async function providerExists(db: PlacementDb, uuid: string): Promise<boolean> {
  const row = await db
    .selectFrom('resource_providers')
    .select('uuid')
    .where('uuid', '=', uuid)
    .executeTakeFirst();
  return row !== undefined;
}

/**
 * Inserts a provider. `taken`: another one has the name or UUID. `noParent`: the parent does not
 * exist.
 */
export async function insertProvider(
  db: PlacementDb,
  { uuid, name, parentUuid }: { uuid: string; name: string; parentUuid: string | null },
  nowMs: number,
): Promise<'inserted' | 'taken' | 'noParent'> {
  return await unlessDuplicate(db, async (trx) => {
    const ancestors = await ancestorsOf(trx, parentUuid);
    if (!ancestors) return 'noParent';
    await trx
      .insertInto('resource_providers')
      .values({
        uuid,
        name,
        generation: 0,
        parent_uuid: parentUuid,
        root_uuid: ancestors.at(-1) ?? uuid,
        created_at_ms: nowMs,
        updated_at_ms: nowMs,
      })
      .execute();
    return 'inserted';
  });
}

export async function renameProvider(
  db: PlacementDb,
  uuid: string,
  name: string,
  nowMs: number,
): Promise<'updated' | 'taken'> {
  return await unlessDuplicate<'updated'>(db, async (trx) => {
    await trx
      .updateTable('resource_providers')
      .set({ name, updated_at_ms: nowMs })
      .where('uuid', '=', uuid)
      .execute();
    return 'updated';
  });
}

/**
 * Renames a provider and moves it, with its subtree, below another one (null: it becomes a root).
 * `loop`: the new parent is in its own subtree.
 */
export async function moveProvider(
  db: PlacementDb,
  { uuid, name, parentUuid }: { uuid: string; name: string; parentUuid: string | null },
  nowMs: number,
): Promise<'updated' | 'taken' | 'noParent' | 'loop'> {
  return await unlessDuplicate(db, async (trx) => {
    const ancestors = await ancestorsOf(trx, parentUuid);
    if (!ancestors) return 'noParent';
    if (ancestors.includes(uuid)) return 'loop';
    await trx
      .updateTable('resource_providers')
      .set({ name, parent_uuid: parentUuid, updated_at_ms: nowMs })
      .where('uuid', '=', uuid)
      .execute();
    const rootUuid = ancestors.at(-1) ?? uuid;
    for (let level = [uuid]; level.length > 0;) {
      await trx
        .updateTable('resource_providers')
        .set({ root_uuid: rootUuid })
        .where('uuid', 'in', level)
        .execute();
      const children = await trx
        .selectFrom('resource_providers')
        .select('uuid')
        .where('parent_uuid', 'in', level)
        .execute();
      level = children.map((child) => child.uuid);
    }
    return 'updated';
  });
}

/** Deletes a provider with its parts, unless it has children or allocations. */
export async function deleteProvider(
  db: PlacementDb,
  uuid: string,
): Promise<'deleted' | 'hasChildren' | 'hasAllocations'> {
  return await transaction(db, async (trx) => {
    // Both locks are taken before anything is read, so that no allocation or child can be added
    // meanwhile.
    await lockProvider(trx, uuid);
    await noteChange(trx);
    const child = await trx
      .selectFrom('resource_providers')
      .select('uuid')
      .where('parent_uuid', '=', uuid)
      .executeTakeFirst();
    if (child) return 'hasChildren';
    const allocation = await trx
      .selectFrom('allocations')
      .select('consumer_uuid')
      .where('provider_uuid', '=', uuid)
      .executeTakeFirst();
    if (allocation) return 'hasAllocations';
    for (const table of ['inventories', 'provider_traits', 'provider_aggregates'] as const)
      await trx.deleteFrom(table).where('provider_uuid', '=', uuid).execute();
    await trx.deleteFrom('resource_providers').where('uuid', '=', uuid).execute();
    return 'deleted';
  });
}

/**
 * The provider `parentUuid` and its ancestors, up to the root; [] for null. undefined: it does not
 * exist.
 */
async function ancestorsOf(
  trx: PlacementDb,
  parentUuid: string | null,
): Promise<string[] | undefined> {
  const ancestors: string[] = [];
  for (let uuid = parentUuid; uuid !== null;) {
    const row = await trx
      .selectFrom('resource_providers')
      .select('parent_uuid')
      .where('uuid', '=', uuid)
      .executeTakeFirst();
    if (!row) return undefined;
    ancestors.push(uuid);
    uuid = row.parent_uuid;
  }
  return ancestors;
}

/**
 * Runs a write that may violate the uniqueness of name or UUID. The change counter is incremented
 * first, which locks it: concurrent changes of trees are thereby serialized, in all processes.
 */
async function unlessDuplicate<T>(
  db: PlacementDb,
  write: (trx: PlacementDb) => Promise<T>,
): Promise<T | 'taken'> {
  try {
    return await transaction(db, async (trx) => {
      await noteChange(trx);
      return await write(trx);
    });
  } catch (error) {
    if (isUniqueViolation(error)) return 'taken';
    throw error;
  }
}
