// The canonical path of the state folder, since namespaces are named after it.
import { realpathSync } from 'node:fs';
import { resolve } from 'node:path';

/** With symbolic links resolved; a folder that does not exist yet keeps the given path. */
export function realStateDir(given: string): string {
  try {
    return realpathSync(given);
  } catch {
    return resolve(given);
  }
}
