// Which aggregates a provider is in.
import type { PlacementDb } from './tables.ts';

/** Part of a transaction that moves the provider's generation. */
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
