// Temporary folders of tests and benchmarks that start processes which outlive a killed test:
// hosts, filers, clouds. A file beside each folder names its owner process, so that
// cli/sweep-tests.ts can take down what a killed run has left, and nothing else.
import { lstatSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { markedProcess, processMark } from '../process-start-time.ts';
import type { MarkedProcess } from '../process-start-time.ts';

const suffix = '.owner';

/** Creates a temporary folder as mkdtemp(3) does, owned by this process. */
export function ownedFolder(prefix: string): string {
  const folder = mkdtempSync(prefix);
  own(folder);
  return folder;
}

/** Makes this process the owner of the folder. */
export function own(folder: string): void {
  // Under `node --test` the parent is the test runner; without it, nobody waits for the result.
  const runner = process.env['NODE_TEST_CONTEXT'] === undefined ? process.pid : process.ppid;
  writeFileSync(
    `${folder}${suffix}`,
    [process.pid, runner].map((pid) => `${processMark(pid)}\n`).join(''),
    { mode: 0o600 },
  );
}

/**
 * Removes the folder, then the file that names its owner: an interrupted removal can be repeated.
 */
export function removeOwnedFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  rmSync(`${folder}${suffix}`, { force: true });
}

export interface AbandonedFolder {
  folder: string;
  /** The owner if it still runs although its test runner has ended; null if it has ended, too. */
  owner: MarkedProcess | null;
}

/** This user's folders whose owner, or the owner's test runner, has ended. */
export async function abandonedFolders(
  places: readonly string[] = [...new Set([tmpdir(), '/tmp', '/var/tmp'])],
): Promise<AbandonedFolder[]> {
  const found: AbandonedFolder[] = [];
  for (const place of places)
    for (const name of await readdir(place)) {
      if (!name.endsWith(suffix)) continue;
      const file = join(place, name);
      const [owner = '', runner = ''] = readOwn(file).trim().split('\n');
      if (owner === '') continue;
      const [ownerProcess, runnerProcess] = [
        await markedProcess(owner),
        await markedProcess(runner),
      ];
      if (!ownerProcess || !runnerProcess)
        found.push({ folder: file.slice(0, -suffix.length), owner: ownerProcess });
    }
  return found;
}

/**
 * Reads a file in /tmp, where anybody may write: another user's file, or a link, counts as empty.
 */
function readOwn(file: string): string {
  try {
    const facts = lstatSync(file);
    return facts.isFile() && facts.uid === process.getuid?.() ? readFileSync(file, 'utf8') : '';
  } catch {
    return ''; // removed since it was listed
  }
}
