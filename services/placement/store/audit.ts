// Placement's own view for `cobalt doctor --audit`.
import type { PlacementAudit } from '#contracts/nova/audit.ts';
import type { PlacementDeps } from '../deps.ts';

export async function placementAudit({ database: { db } }: PlacementDeps): Promise<PlacementAudit> {
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
