// The canonical path of the state folder, since namespaces are named after it.
import { realpathSync } from 'node:fs';
import { resolve } from 'node:path';

/** The path with symbolic links resolved; unchanged if the folder does not exist yet. */
export function realStateDir(given: string): string {
  try {
    return realpathSync(given);
  } catch {
    return resolve(given);
  }
}
