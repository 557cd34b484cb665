// POST /reshaper in one transaction: inventories and allocations change together, or not at all.
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
  /** The generation that the provider must still have. */
  generation: number;
  /** All inventories of the provider after the reshape. */
  inventories: ReadonlyMap<string, Inventory>;
}

/**
 * Replaces inventories and allocations, all or none. badRequest: a provider does not exist.
 * concurrentUpdate: a generation is stale. conflict: not enough capacity, or an inventory that is
 * to be removed is in use.
 */
export async function reshape(
  db: PlacementDb,
  providers: readonly ReshapedProvider[],
  claims: readonly ConsumerClaim[],
  nowMs: number,
): Promise<Outcome<void>> {
  return await refusable(db, async (trx) => {
    for (const provider of providers) {
      const refusal = await addNewInventories(trx, provider, nowMs);
      if (isFault(refusal)) return refusal;
    }
    const [refusal] = await replaceAllocations(trx, [claims], nowMs);
    if (refusal) return refusal;
    for (const provider of providers) {
      const inUse = await removeOldInventories(trx, provider, nowMs);
      if (isFault(inUse)) return inUse;
    }
    await noteChange(trx);
    return undefined;
  });
}

/**
 * Adds the new inventories and keeps the old ones for now, so that allocations can move from one to
 * the other.
 */
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
  // A second increment, as upstream, which writes the remaining inventories again after the claims.
  if (inventories.size > 0) await moveGeneration(trx, uuid, undefined, nowMs);
  const removedClasses = (await classesOf(trx, uuid)).filter((name) => !inventories.has(name));
  if (removedClasses.length === 0) return undefined;
  const [inUse] = await classesInUse(trx, uuid, removedClasses);
  if (inUse !== undefined)
    return fault('conflict', `Inventory for '${inUse}' on resource provider '${uuid}' in use.`, {
      code: 'placement.inventory.inuse',
    });
  await deleteInventories(trx, uuid, removedClasses);
  return undefined;
}
