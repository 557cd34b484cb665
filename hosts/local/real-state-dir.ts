// The canonical path of the state folder, since namespaces are named after it.
import { realpathSync } from 'node:fs';
import { resolve } from 'node:path';

/** The path with symbolic links resolved; unchanged if the folder does not exist yet. */
export function realStateDir(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return resolve(path);
  }
}
