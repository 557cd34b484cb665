// SQL of provider generations, and of the counter of all changes. Used in every writing
// transaction. Consumer generations: allocations.ts.
import { isFault, type Outcome } from '#contracts/common/fault.ts';
import { concurrentUpdate } from '../domain/concurrent-update.ts';
import { refusable } from './refusable.ts';
import type { PlacementDb } from './tables.ts';

/**
 * Increments the change counter, by which every process learns that its copy of the providers is
 * stale.
 */
export async function noteChange(trx: PlacementDb): Promise<void> {
  await trx
    .updateTable('changes')
    .set((eb) => ({ version: eb('version', '+', 1) }))
    .where('id', '=', 1)
    .execute();
}

/** Increments a provider's generation. Returns false if it was not `expected` any more. */
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
 * Locks the provider until the transaction ends. MariaDB locks the row; SQLite's writing
 * transaction locks the whole file. Returns false if the provider does not exist.
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
 * Changes parts of one provider, if its generation is still `expected` (undefined: any), and
 * increments the generation. concurrentUpdate: another generation. All or nothing.
 */
export async function changeUnderGeneration(
  db: PlacementDb,
  provider: { uuid: string; expected: number | undefined; nowMs: number },
  change: (trx: PlacementDb) => Promise<Outcome<void>>,
): Promise<Outcome<void>> {
  return await refusable(db, async (trx) => {
    if (!(await moveGeneration(trx, provider.uuid, provider.expected, provider.nowMs)))
      return concurrentUpdate();
    const refusal = await change(trx);
    if (isFault(refusal)) return refusal;
    await noteChange(trx);
    return undefined;
  });
}
