// Generations of providers, and the counter of all changes. Part of every writing transaction.
// Generations of consumers: allocations.ts.
import { isFault, type Outcome } from '#contracts/common/fault.ts';
import { concurrentUpdate } from '../domain/concurrent-update.ts';
import { refusable } from './refusable.ts';
import type { PlacementDb } from './tables.ts';

/** Tells readers of every process that their copy of the providers is old. */
export async function noteChange(trx: PlacementDb): Promise<void> {
  await trx
    .updateTable('changes')
    .set((eb) => ({ version: eb('version', '+', 1) }))
    .where('id', '=', 1)
    .execute();
}

/** Moves a provider's generation on. False: it was not `expected` any more. */
export async function moveGeneration(
  trx: PlacementDb,
  uuid: string,
  expected: number | undefined,
  nowMs: number,
): Promise<boolean> {
  let query = trx
    .updateTable('resource_providers')
    .set((eb) => ({ generation: eb('generation', '+', 1), updated_at_ms: nowMs }))
    .where('uuid', '=', uuid);
  if (expected !== undefined) query = query.where('generation', '=', expected);
  return (await query.executeTakeFirst()).numUpdatedRows === 1n;
}

/**
 * Holds the provider until the transaction ends. MariaDB locks the row; SQLite's writing
 * transaction holds the whole file. False: there is no such provider.
 */
export async function lockProvider(trx: PlacementDb, uuid: string): Promise<boolean> {
  const { numUpdatedRows } = await trx
    .updateTable('resource_providers')
    .set((eb) => ({ generation: eb.ref('generation') }))
    .where('uuid', '=', uuid)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/**
 * Changes what belongs to one provider if its generation is still `expected` (undefined: whatever
 * it is); the generation moves on with it. concurrentUpdate: it is not. All or nothing.
 */
export async function changeUnderGeneration(
  db: PlacementDb,
  provider: { uuid: string; expected: number | undefined; nowMs: number },
  change: (trx: PlacementDb) => Promise<Outcome<void>>,
): Promise<Outcome<void>> {
  return await refusable(db, async (trx) => {
    if (!(await moveGeneration(trx, provider.uuid, provider.expected, provider.nowMs)))
      return concurrentUpdate();
    const refused = await change(trx);
    if (isFault(refused)) return refused;
    await noteChange(trx);
    return undefined;
  });
}
