// SQL of allocations. A write is one transaction: consumer generation, capacity and provider
// generations are checked in it, so no two writers ever give out the same capacity.
import { sql } from 'kysely';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import type { Inventory } from '#contracts/placement/wire.ts';
import type { Provider } from '../domain/provider.ts';
import { refusal } from '../domain/provider.ts';
import { concurrentUpdate, moveGeneration, noteChange } from './generations.ts';
import { refusable } from './refusable.ts';
import type { PlacementDb, PlacementTables } from './tables.ts';

export interface ConsumerClaim {
  consumerUuid: string;
  projectId: string;
  userId: string;
  consumerType: string | null;
  /** null: the consumer must be new. undefined: not looked at (before 1.28). */
  generation: number | null | undefined;
  /** Provider -> class -> amount; empty: everything is given back. */
  allocations: ReadonlyMap<string, ReadonlyMap<string, number>>;
}

/** `replaceAllocations` in a transaction of its own. */
export async function writeAllocations(
  db: PlacementDb,
  claims: readonly ConsumerClaim[],
  nowMs: number,
): Promise<Outcome<void>> {
  return await refusable(db, async (trx) => await replaceAllocations(trx, claims, nowMs));
}

/**
 * Replaces what the consumers hold, all or none: what they give back makes way for what they take.
 * conflict: no capacity. concurrentUpdate: a generation was stale. badRequest: no such provider.
 */
export async function replaceAllocations(
  trx: PlacementDb,
  claims: readonly ConsumerClaim[],
  nowMs: number,
): Promise<Outcome<void>> {
  const changedProviders = new Set<string>();
  const existing = new Set<string>();
  for (const claim of claims) {
    const consumer = await trx
      .selectFrom('consumers')
      .selectAll()
      .where('uuid', '=', claim.consumerUuid)
      .executeTakeFirst();
    if (claim.generation !== undefined && claim.generation !== (consumer?.generation ?? null)) {
      return concurrentUpdate(
        `consumer generation conflict - expected ${consumer ? consumer.generation : 'null'} but got ${claim.generation}`,
      );
    }
    // One without a row holds nothing.
    if (!consumer) continue;
    existing.add(claim.consumerUuid);
    const before = await trx
      .selectFrom('allocations')
      .select('provider_uuid')
      .distinct()
      .where('consumer_uuid', '=', claim.consumerUuid)
      .execute();
    for (const row of before) changedProviders.add(row.provider_uuid);
    await trx.deleteFrom('allocations').where('consumer_uuid', '=', claim.consumerUuid).execute();
  }
  const moved = new Set<string>();
  for (const claim of claims) {
    for (const [providerUuid, resources] of claim.allocations) {
      // This holds the provider, too, until the transaction ends.
      if (!moved.has(providerUuid) && !(await moveGeneration(trx, providerUuid, undefined, nowMs)))
        return fault(
          'badRequest',
          `Allocation for resource provider '${providerUuid}' that does not exist.`,
        );
      moved.add(providerUuid);
      const refused = await place(trx, claim.consumerUuid, providerUuid, resources);
      if (refused) return refused;
    }
  }
  for (const uuid of changedProviders)
    if (!moved.has(uuid)) await moveGeneration(trx, uuid, undefined, nowMs);
  for (const claim of claims)
    await keepConsumer(trx, claim, existing.has(claim.consumerUuid), nowMs);
  await noteChange(trx);
  return undefined;
}

async function keepConsumer(
  trx: PlacementDb,
  claim: ConsumerClaim,
  exists: boolean,
  nowMs: number,
): Promise<void> {
  if (claim.allocations.size === 0) {
    await trx.deleteFrom('consumers').where('uuid', '=', claim.consumerUuid).execute();
    return;
  }
  const facts = {
    project_id: claim.projectId,
    user_id: claim.userId,
    consumer_type: claim.consumerType,
    updated_at_ms: nowMs,
  };
  if (exists)
    await trx
      .updateTable('consumers')
      .set((eb) => ({ ...facts, generation: eb('generation', '+', 1) }))
      .where('uuid', '=', claim.consumerUuid)
      .execute();
  else
    await trx
      .insertInto('consumers')
      .values({ uuid: claim.consumerUuid, ...facts, generation: 1, created_at_ms: nowMs })
      .execute();
}

/** Within a transaction that holds the provider. */
async function place(
  trx: PlacementDb,
  consumerUuid: string,
  providerUuid: string,
  resources: ReadonlyMap<string, number>,
): Promise<Outcome<void>> {
  const provider = await readCapacity(trx, providerUuid);
  for (const [resourceClass, amount] of resources) {
    if (!provider.inventories.has(resourceClass))
      return fault(
        'conflict',
        `Unable to allocate inventory: Inventory for '${resourceClass}' on resource provider '${providerUuid}' invalid: there is none.`,
      );
    const why = refusal(provider, resourceClass, amount, provider.used.get(resourceClass) ?? 0);
    if (why !== undefined)
      return fault(
        'conflict',
        `Unable to allocate inventory: Unable to create allocation for '${resourceClass}' on resource provider '${providerUuid}': ${why}.`,
      );
  }
  const rows = [...resources].map(([resourceClass, used]) => ({
    consumer_uuid: consumerUuid,
    provider_uuid: providerUuid,
    resource_class: resourceClass,
    used,
  }));
  if (rows.length > 0) await trx.insertInto('allocations').values(rows).execute();
  return undefined;
}

/** Inventory and use as they are in this transaction, not as remembered. */
async function readCapacity(trx: PlacementDb, uuid: string): Promise<Provider> {
  const inventories = new Map<string, Inventory>();
  for (const { provider_uuid: _provider, resource_class, ...inventory } of await trx
    .selectFrom('inventories')
    .selectAll()
    .where('provider_uuid', '=', uuid)
    .execute())
    inventories.set(resource_class, inventory);
  const used = await trx
    .selectFrom('allocations')
    .select(['resource_class', sql<number>`sum(used)`.as('used')])
    .where('provider_uuid', '=', uuid)
    .groupBy('resource_class')
    .execute();
  return {
    uuid,
    name: '',
    generation: 0,
    parentUuid: null,
    rootUuid: uuid,
    createdAtMs: 0,
    updatedAtMs: 0,
    traits: new Set(),
    aggregates: new Set(),
    inventories,
    used: new Map(used.map((row) => [row.resource_class, Number(row.used)])),
  };
}

export interface HeldAllocation {
  provider_uuid: string;
  resource_class: string;
  used: number;
}

export async function allocationsOf(
  db: PlacementDb,
  consumerUuid: string,
): Promise<HeldAllocation[]> {
  return await db
    .selectFrom('allocations')
    .select(['provider_uuid', 'resource_class', 'used'])
    .where('consumer_uuid', '=', consumerUuid)
    .execute();
}

export async function findConsumer(
  db: PlacementDb,
  uuid: string,
): Promise<PlacementTables['consumers'] | undefined> {
  return await db.selectFrom('consumers').selectAll().where('uuid', '=', uuid).executeTakeFirst();
}

/** What consumers hold of a provider; `generation` is the consumer's. */
export async function allocationsOfProvider(
  db: PlacementDb,
  providerUuid: string,
): Promise<
  { consumer_uuid: string; resource_class: string; used: number; generation: number | null }[]
> {
  return await db
    .selectFrom('allocations as a')
    .leftJoin('consumers as c', 'c.uuid', 'a.consumer_uuid')
    .select(['a.consumer_uuid', 'a.resource_class', 'a.used', 'c.generation'])
    .where('a.provider_uuid', '=', providerUuid)
    .execute();
}
