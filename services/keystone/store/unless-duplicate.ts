// Handles writes that a unique key may refuse. Used by the stores of objects with unique names or
// ids.
import { isUniqueViolation } from '#platform/db/errors.ts';

/** Returns false if another row has the key already. */
export async function unlessDuplicate(write: () => Promise<unknown>): Promise<boolean> {
  try {
    await write();
    return true;
  } catch (error) {
    if (isUniqueViolation(error)) return false;
    throw error;
  }
}
