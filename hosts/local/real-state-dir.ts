// One folder has one name, since namespaces are named after it.
import { realpathSync } from 'node:fs';
import { resolve } from 'node:path';

/** Symbolic links resolved; a folder that is not there yet keeps the given name. */
export function realStateDir(given: string): string {
  try {
    return realpathSync(given);
  } catch {
    return resolve(given);
  }
}
