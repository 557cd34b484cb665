// Reads Placement's part of the comparison that `cobalt doctor --audit` makes. Called by compose.
import type { PlacementAudit } from '#contracts/nova/audit.ts';
import type { PlacementDb } from './tables.ts';

export async function placementAudit(db: PlacementDb): Promise<PlacementAudit> {
  const allocations = await db.selectFrom('allocations').selectAll().execute();
  return {
    providers: await db.selectFrom('resource_providers').select(['uuid', 'name']).execute(),
    allocations: allocations.map((row) => ({
      consumer: row.consumer_uuid,
      provider: row.provider_uuid,
      resourceClass: row.resource_class,
      used: row.used,
    })),
  };
}
