// Transactions that are rolled back when they end in a fault. Used by every write that checks what
// it finds.
import { isFault, type Fault, type Outcome } from '#contracts/common/fault.ts';
import { transaction } from '#platform/db/transaction.ts';
import type { PlacementDb } from './tables.ts';

/** Thrown inside the transaction to roll it back, and converted back to the fault outside. */
class Refusal extends Error {
  readonly reason: Fault;
  constructor(reason: Fault) {
    super(reason.message);
    this.reason = reason;
  }
}

/**
 * Runs `work` in a transaction. If it returns a fault, the transaction is rolled back and the fault
 * is returned.
 */
export async function refusable<T>(
  db: PlacementDb,
  work: (trx: PlacementDb) => Promise<Outcome<T>>,
): Promise<Outcome<T>> {
  try {
    return await transaction(db, async (trx) => {
      const outcome = await work(trx);
      if (isFault(outcome)) throw new Refusal(outcome);
      return outcome;
    });
  } catch (error) {
    if (error instanceof Refusal) return error.reason;
    throw error;
  }
}
