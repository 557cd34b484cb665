// SQL of flavors and who may use the private ones.
import type { FlavorFacts } from '#contracts/nova/facts.ts';
import type { NovaDb } from './servers.ts';
import type { FlavorRow } from './tables.ts';

/** null: admin, sees private ones too. */
export type FlavorViewer = { projectId: string | null; admin: boolean };

export async function findFlavor(db: NovaDb, flavorId: string, viewer: FlavorViewer): Promise<FlavorRow | undefined> {
  const row = await db.selectFrom('flavors').selectAll().where('flavor_id', '=', flavorId).executeTakeFirst();
  if (!row || row.is_public === 1 || viewer.admin) return row;
  const access = await db.selectFrom('flavor_access').select('flavor_id').where('flavor_id', '=', flavorId).where('project_id', '=', viewer.projectId ?? '').executeTakeFirst();
  return access && row;
}

export function flavorFacts(row: FlavorRow): FlavorFacts {
  return {
    id: row.flavor_id, name: row.name, vcpus: row.vcpus, memoryMib: row.memory_mib, diskGib: row.disk_gib, ephemeralGib: row.ephemeral_gib,
    swapMib: row.swap_mib, rxtxFactor: row.rxtx_factor, description: row.description, extraSpecs: JSON.parse(row.extra_specs) as Record<string, string>,
  };
}
