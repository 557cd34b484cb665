// A write that a unique key may refuse. Called by the stores whose rows have names.
import { isUniqueViolation } from '#platform/db/errors.ts';

/** False: another row has the key already. */
export async function unlessTaken(write: () => Promise<unknown>): Promise<boolean> {
  try {
    await write();
    return true;
  } catch (error) {
    if (isUniqueViolation(error)) return false;
    throw error;
  }
}
