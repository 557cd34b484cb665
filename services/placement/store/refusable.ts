// Transactions that may end in an expected refusal. Used by every write that checks what it finds.
import { isFault, type Fault, type Outcome } from '#contracts/common/fault.ts';
import { transaction } from '#platform/db/transaction.ts';
import type { PlacementDb } from './tables.ts';

/** Thrown inside the transaction to roll it back; a value again outside. */
class Refusal extends Error {
  readonly reason: Fault;
  constructor(reason: Fault) {
    super(reason.message);
    this.reason = reason;
  }
}

/** One transaction, rolled back if `work` returns a fault, which is then the outcome. */
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
