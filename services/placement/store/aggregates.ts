// SQL of the aggregates that providers belong to.
import type { PlacementDb } from './tables.ts';

/**
 * Replaces a provider's aggregates. To be called in a transaction that also increments the
 * provider's generation.
 */
export async function replaceAggregates(
  trx: PlacementDb,
  providerUuid: string,
  aggregates: readonly string[],
): Promise<void> {
  await trx.deleteFrom('provider_aggregates').where('provider_uuid', '=', providerUuid).execute();
  for (const aggregate of aggregates)
    await trx
      .insertInto('provider_aggregates')
      .values({ provider_uuid: providerUuid, aggregate_uuid: aggregate })
      .execute();
}
