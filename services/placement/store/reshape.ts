// Inventories and allocations change together, or nothing does: POST /reshaper in one transaction.
import { fault, isFault, type Outcome } from '#contracts/common/fault.ts';
import type { Inventory } from '#contracts/placement/wire.ts';
import { concurrentUpdate } from '../domain/concurrent-update.ts';
import type { ConsumerClaim } from '../domain/settle-claims.ts';
import { replaceAllocations } from './allocations.ts';
import { moveGeneration, noteChange } from './generations.ts';
import { classesInUse, classesOf, deleteInventories, putInventory } from './inventories.ts';
import { providerExists } from './providers.ts';
import { refusable } from './refusable.ts';
import type { PlacementDb } from './tables.ts';

export interface ReshapedProvider {
  uuid: string;
  /** The generation it must still have. */
  generation: number;
  /** All that it has to give afterwards. */
  inventories: ReadonlyMap<string, Inventory>;
}

/**
 * badRequest: no such provider. concurrentUpdate: a generation was stale. conflict: no capacity, or
 * an inventory that goes is in use.
 */
export async function reshape(
  db: PlacementDb,
  providers: readonly ReshapedProvider[],
  claims: readonly ConsumerClaim[],
  nowMs: number,
): Promise<Outcome<void>> {
  return await refusable(db, async (trx) => {
    for (const provider of providers) {
      const refused = await addNewInventories(trx, provider, nowMs);
      if (isFault(refused)) return refused;
    }
    const [refused] = await replaceAllocations(trx, [claims], nowMs);
    if (refused) return refused;
    for (const provider of providers) {
      const inUse = await removeOldInventories(trx, provider, nowMs);
      if (isFault(inUse)) return inUse;
    }
    await noteChange(trx);
    return undefined;
  });
}

/** Old and new classes stand side by side until the allocations have moved. */
async function addNewInventories(
  trx: PlacementDb,
  { uuid, generation, inventories }: ReshapedProvider,
  nowMs: number,
): Promise<Outcome<void>> {
  if (!(await providerExists(trx, uuid)))
    return fault('badRequest', `Resource provider ${uuid} in inventories not found.`, {
      code: 'placement.resource_provider.not_found',
    });
  if (!(await moveGeneration(trx, uuid, generation, nowMs))) return concurrentUpdate();
  for (const [resourceClass, inventory] of inventories)
    await putInventory(trx, uuid, resourceClass, inventory);
  return undefined;
}

async function removeOldInventories(
  trx: PlacementDb,
  { uuid, inventories }: ReshapedProvider,
  nowMs: number,
): Promise<Outcome<void>> {
  // As upstream, where what is kept is written once more when the claims have moved.
  if (inventories.size > 0) await moveGeneration(trx, uuid, undefined, nowMs);
  const removed = (await classesOf(trx, uuid)).filter((name) => !inventories.has(name));
  if (removed.length === 0) return undefined;
  const [inUse] = await classesInUse(trx, uuid, removed);
  if (inUse !== undefined)
    return fault('conflict', `Inventory for '${inUse}' on resource provider '${uuid}' in use.`, {
      code: 'placement.inventory.inuse',
    });
  await deleteInventories(trx, uuid, removed);
  return undefined;
}
