// SQL of flavors, and of the projects that may use private ones.
import type { FlavorFacts } from '#contracts/nova/facts.ts';
import { isUniqueViolation } from '#platform/db/errors.ts';
import { transaction } from '#platform/db/transaction.ts';
import type { NovaDb } from './servers.ts';
import type { FlavorRow } from './tables.ts';

/**
 * Who looks for a flavor. `admin`: sees all private flavors. `projectId`: the project whose access
 * to private ones counts; null: none.
 */
export type FlavorViewer = { projectId: string | null; admin: boolean };

export async function findFlavor(
  db: NovaDb,
  flavorId: string,
  viewer: FlavorViewer,
): Promise<FlavorRow | undefined> {
  const row = await db
    .selectFrom('flavors')
    .selectAll()
    .where('flavor_id', '=', flavorId)
    .executeTakeFirst();
  if (!row || row.is_public === 1 || viewer.admin) return row;
  const access = await db
    .selectFrom('flavor_access')
    .select('flavor_id')
    .where('flavor_id', '=', flavorId)
    .where('project_id', '=', viewer.projectId ?? '')
    .executeTakeFirst();
  return access && row;
}

export function flavorFacts(row: FlavorRow): FlavorFacts {
  return {
    id: row.flavor_id,
    name: row.name,
    vcpus: row.vcpus,
    memoryMib: row.memory_mib,
    diskGib: row.disk_gib,
    ephemeralGib: row.ephemeral_gib,
    swapMib: row.swap_mib,
    rxtxFactor: row.rxtx_factor,
    description: row.description,
    extraSpecs: JSON.parse(row.extra_specs) as Record<string, string>,
  };
}

export interface FlavorFilters {
  /** true: public flavors and those the project has access to; false: private ones; null: all. */
  isPublic: boolean | null;
  /** The project whose access to private flavors counts for `isPublic`; null: no project's. */
  projectId: string | null;
  minMemoryMib: number;
  minDiskGib: number;
}

export async function listFlavors(
  db: NovaDb,
  filters: FlavorFilters,
  order: { column: keyof FlavorRow; direction: 'asc' | 'desc' },
): Promise<FlavorRow[]> {
  let query = db
    .selectFrom('flavors')
    .selectAll()
    .where('memory_mib', '>=', filters.minMemoryMib)
    .where('disk_gib', '>=', filters.minDiskGib);
  const { isPublic, projectId } = filters;
  if (isPublic === true) {
    query = query.where((eb) =>
      eb.or([
        eb('is_public', '=', 1),
        eb(
          'flavor_id',
          'in',
          eb
            .selectFrom('flavor_access')
            .select('flavor_access.flavor_id')
            .where('project_id', '=', projectId ?? ''),
        ),
      ]),
    );
  } else if (isPublic === false) query = query.where('is_public', '=', 0);
  return await query
    .orderBy(order.column, order.direction)
    .orderBy('flavor_id', order.direction)
    .execute();
}

/**
 * Inserts a flavor. undefined: it was inserted; otherwise the field whose value another flavor
 * already has.
 */
export async function insertFlavor(db: NovaDb, row: FlavorRow): Promise<'id' | 'name' | undefined> {
  try {
    await db.insertInto('flavors').values(row).execute();
    return undefined;
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    const twin = await db
      .selectFrom('flavors')
      .select('flavor_id')
      .where('flavor_id', '=', row.flavor_id)
      .executeTakeFirst();
    return twin ? 'id' : 'name';
  }
}

export async function describeFlavor(
  db: NovaDb,
  flavorId: string,
  description: string | null,
): Promise<void> {
  await db.updateTable('flavors').set({ description }).where('flavor_id', '=', flavorId).execute();
}

/** Servers keep a copy of their flavor. Returns whether the flavor existed. */
export async function deleteFlavor(db: NovaDb, flavorId: string): Promise<boolean> {
  return await transaction(db, async (trx) => {
    await trx.deleteFrom('flavor_access').where('flavor_id', '=', flavorId).execute();
    return (
      (await trx.deleteFrom('flavors').where('flavor_id', '=', flavorId).executeTakeFirst())
        .numDeletedRows > 0n
    );
  });
}

export const extraSpecsOf = (row: Pick<FlavorRow, 'extra_specs'>): Record<string, string> =>
  JSON.parse(row.extra_specs) as Record<string, string>;

/**
 * Reads, changes and writes the extra specs in one transaction, so that no concurrent change is
 * lost. If `change` returns undefined nothing is written.
 */
export async function changeExtraSpecs(
  db: NovaDb,
  flavorId: string,
  change: (now: Record<string, string>) => Record<string, string> | undefined,
): Promise<boolean> {
  return await transaction(db, async (trx) => {
    // A no-op update that locks the row: on MariaDB two transactions could otherwise read the same
    // specs.
    await trx
      .updateTable('flavors')
      .set((eb) => ({ disabled: eb.ref('disabled') }))
      .where('flavor_id', '=', flavorId)
      .execute();
    const row = await trx
      .selectFrom('flavors')
      .select('extra_specs')
      .where('flavor_id', '=', flavorId)
      .executeTakeFirst();
    const next = row && change(extraSpecsOf(row));
    if (!next) return false;
    await trx
      .updateTable('flavors')
      .set({ extra_specs: JSON.stringify(next) })
      .where('flavor_id', '=', flavorId)
      .execute();
    return true;
  });
}

export async function flavorProjects(db: NovaDb, flavorId: string): Promise<string[]> {
  return (
    await db
      .selectFrom('flavor_access')
      .select('project_id')
      .where('flavor_id', '=', flavorId)
      .orderBy('project_id')
      .execute()
  ).map((row) => row.project_id);
}

/** Returns whether the access was added; false: it existed. */
export async function addFlavorAccess(
  db: NovaDb,
  flavorId: string,
  projectId: string,
): Promise<boolean> {
  try {
    await db
      .insertInto('flavor_access')
      .values({ flavor_id: flavorId, project_id: projectId })
      .execute();
    return true;
  } catch (error) {
    if (isUniqueViolation(error)) return false;
    throw error;
  }
}

/** Returns whether the access existed. */
export async function removeFlavorAccess(
  db: NovaDb,
  flavorId: string,
  projectId: string,
): Promise<boolean> {
  return (
    (
      await db
        .deleteFrom('flavor_access')
        .where('flavor_id', '=', flavorId)
        .where('project_id', '=', projectId)
        .executeTakeFirst()
    ).numDeletedRows > 0n
  );
}
