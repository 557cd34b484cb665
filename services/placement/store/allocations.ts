// SQL of allocations. A write checks consumer generations, capacity and provider generations in its
// own transaction, so concurrent writers never allocate the same capacity twice. Requests that
// arrive together are written together (claim-queue.ts), each granted or refused on its own.
import { sql } from 'kysely';
import type { Fault } from '#contracts/common/fault.ts';
import type { Inventory } from '#contracts/placement/wire.ts';
import { isMysql, transaction } from '#platform/db/transaction.ts';
import type { ClaimFacts, ConsumerClaim, HeldAllocation } from '../domain/settle-claims.ts';
import { settleClaims } from '../domain/settle-claims.ts';
import { noteChange } from './generations.ts';
import type { PlacementDb, PlacementTables } from './tables.ts';

/**
 * Runs `replaceAllocations` in a transaction of its own. Returns the refusals in the order of the
 * requests.
 */
export async function writeAllocations(
  db: PlacementDb,
  requests: readonly (readonly ConsumerClaim[])[],
  nowMs: number,
): Promise<(Fault | undefined)[]> {
  return await transaction(db, async (trx) => await replaceAllocations(trx, requests, nowMs));
}

/**
 * Replaces the allocations of the consumers of each request, all or none for a request; their
 * current allocations count as free. A refused request writes nothing. No two requests may name the
 * same consumer. conflict: not enough capacity. concurrentUpdate: a generation is stale.
 * badRequest: a provider does not exist.
 */
export async function replaceAllocations(
  trx: PlacementDb,
  requests: readonly (readonly ConsumerClaim[])[],
  nowMs: number,
): Promise<(Fault | undefined)[]> {
  const facts = await readFacts(trx, requests.flat());
  const { refusals, granted } = settleClaims(requests, facts);
  if (granted.length > 0) await writeGranted(trx, granted, facts, nowMs);
  return refusals;
}

/**
 * Reads what settling the claims needs. On MariaDB the rows of consumers and providers are locked
 * until the transaction ends, in the order of their keys, to avoid deadlocks. A grant also writes
 * both, so that Galera detects conflicts between nodes.
 */
async function readFacts(trx: PlacementDb, claims: readonly ConsumerClaim[]): Promise<ClaimFacts> {
  const generations = new Map<string, number>();
  for (const chunk of chunksOf(claims.map((claim) => claim.consumerUuid).sort())) {
    const consumers = trx
      .selectFrom('consumers')
      .select(['uuid', 'generation'])
      .where('uuid', 'in', chunk)
      .orderBy('uuid');
    const rows = await (isMysql(trx) ? consumers.forUpdate() : consumers).execute();
    for (const { uuid, generation } of rows) generations.set(uuid, generation);
  }
  const byConsumer = new Map<string, HeldAllocation[]>();
  // A consumer without a row has no allocations.
  for (const chunk of chunksOf([...generations.keys()])) {
    const rows = await trx
      .selectFrom('allocations')
      .selectAll()
      .where('consumer_uuid', 'in', chunk)
      .execute();
    for (const { consumer_uuid, ...row } of rows)
      byConsumer.set(consumer_uuid, [...(byConsumer.get(consumer_uuid) ?? []), row]);
  }
  const providers = new Set(claims.flatMap((claim) => [...claim.allocations.keys()]));
  return {
    generations,
    allocations: byConsumer,
    ...(await readCapacities(trx, [...providers].sort())),
  };
}

/** Inventories and usage as they are in this transaction, not from the in-memory copy. */
async function readCapacities(
  trx: PlacementDb,
  providers: readonly string[],
): Promise<Pick<ClaimFacts, 'inventories' | 'used'>> {
  const inventories = new Map<string, Map<string, Inventory>>();
  const used: HeldAllocation[] = [];
  for (const chunk of chunksOf(providers)) {
    const offers = trx
      .selectFrom('resource_providers as p')
      .leftJoin('inventories as i', 'i.provider_uuid', 'p.uuid')
      .select(['p.uuid', 'i.resource_class', 'i.total', 'i.reserved'])
      .select(['i.min_unit', 'i.max_unit', 'i.step_size', 'i.allocation_ratio'])
      .where('p.uuid', 'in', chunk)
      .orderBy('p.uuid');
    for (const row of await (isMysql(trx) ? offers.forUpdate() : offers).execute()) {
      const { uuid, resource_class, ...inventory } = row;
      const offered = inventories.get(uuid) ?? new Map<string, Inventory>();
      inventories.set(uuid, offered);
      // The left join has one row of nulls for a provider without inventories; otherwise no column
      // is null.
      if (resource_class !== null) offered.set(resource_class, inventory as Inventory);
    }
    const sums = await trx
      .selectFrom('allocations')
      .select(['provider_uuid', 'resource_class', sql<number>`sum(used)`.as('used')])
      .where('provider_uuid', 'in', chunk)
      .groupBy(['provider_uuid', 'resource_class'])
      .execute();
    for (const sum of sums) used.push({ ...sum, used: Number(sum.used) });
  }
  return { inventories, used };
}

async function writeGranted(
  trx: PlacementDb,
  granted: readonly ConsumerClaim[],
  { generations, allocations: currentAllocations }: ClaimFacts,
  nowMs: number,
): Promise<void> {
  const isKnown = ({ consumerUuid }: ConsumerClaim): boolean => generations.has(consumerUuid);
  const keeps = ({ allocations }: ConsumerClaim): boolean => allocations.size > 0;
  const idsOf = (claims: readonly ConsumerClaim[]) => claims.map((claim) => claim.consumerUuid);
  for (const chunk of chunksOf(idsOf(granted.filter(isKnown))))
    await trx.deleteFrom('allocations').where('consumer_uuid', 'in', chunk).execute();
  for (const chunk of chunksOf(idsOf(granted.filter((claim) => isKnown(claim) && !keeps(claim)))))
    await trx.deleteFrom('consumers').where('uuid', 'in', chunk).execute();
  for (const claim of granted.filter((one) => isKnown(one) && keeps(one)))
    await trx
      .updateTable('consumers')
      .set((eb) => ({ ...ownerOf(claim, nowMs), generation: eb('generation', '+', 1) }))
      .where('uuid', '=', claim.consumerUuid)
      .execute();
  for (const chunk of chunksOf(
    granted.filter((claim) => !isKnown(claim) && keeps(claim)),
    maxRows,
  ))
    await trx
      .insertInto('consumers')
      .values(
        chunk.map((claim) => ({
          uuid: claim.consumerUuid,
          ...ownerOf(claim, nowMs),
          generation: 1,
          created_at_ms: nowMs,
        })),
      )
      .execute();
  for (const chunk of chunksOf(granted.flatMap(allocationRows), maxRows))
    await trx.insertInto('allocations').values(chunk).execute();
  const providers = new Set(
    granted.flatMap(({ consumerUuid, allocations }) => [
      ...allocations.keys(),
      ...(currentAllocations.get(consumerUuid) ?? []).map((row) => row.provider_uuid),
    ]),
  );
  for (const chunk of chunksOf([...providers].sort()))
    await trx
      .updateTable('resource_providers')
      .set((eb) => ({ generation: eb('generation', '+', 1), updated_at_ms: nowMs }))
      .where('uuid', 'in', chunk)
      .execute();
  await noteChange(trx);
}

const ownerOf = ({ projectId, userId, consumerType }: ConsumerClaim, nowMs: number) => ({
  project_id: projectId,
  user_id: userId,
  consumer_type: consumerType,
  updated_at_ms: nowMs,
});

const allocationRows = ({ consumerUuid, allocations }: ConsumerClaim) =>
  [...allocations].flatMap(([provider_uuid, resources]) =>
    [...resources].map(([resource_class, used]) => ({
      consumer_uuid: consumerUuid,
      provider_uuid,
      resource_class,
      used,
    })),
  );

// Limits that keep a statement within the parameter limits of SQLite and MariaDB (for rows of up to
// ten columns).
const maxValues = 500;
const maxRows = 100;

function chunksOf<T>(values: readonly T[], size = maxValues): T[][] {
  const count = Math.ceil(values.length / size);
  return Array.from({ length: count }, (_, at) => values.slice(at * size, (at + 1) * size));
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

/** Allocations at a provider; `generation` is the consumer's. */
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
