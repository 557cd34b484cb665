// Temporary folders of tests (and benchmarks) that start what outlives them: hosts, filers, clouds.
// A file beside each folder names its owner, so that cli/sweep-tests.ts can take down what a killed
// run has left, and nothing else.
import { lstatSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { markedProcess, processMark } from '../process-start-time.ts';
import type { MarkedProcess } from '../process-start-time.ts';

const suffix = '.owner';

/** As mkdtemp(3); this process is the owner. */
export function ownedFolder(prefix: string): string {
  const folder = mkdtempSync(prefix);
  own(folder);
  return folder;
}

/** This process takes the folder over. */
export function own(folder: string): void {
  // Under `node --test` the parent is the runner; without one, nobody waits for the result.
  const runner = process.env['NODE_TEST_CONTEXT'] === undefined ? process.pid : process.ppid;
  writeFileSync(
    `${folder}${suffix}`,
    [process.pid, runner].map((pid) => `${processMark(pid)}\n`).join(''),
    { mode: 0o600 },
  );
}

/** The name of the owner last: with it, a removal that was cut short is taken up again. */
export function removeOwnedFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  rmSync(`${folder}${suffix}`, { force: true });
}

export interface AbandonedFolder {
  folder: string;
  /** It still runs, but its test runner has ended; null: it has ended, too. */
  owner: MarkedProcess | null;
}

/** Folders of this user whose owner, or the test runner that started it, has ended. */
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

/** Anybody may write to /tmp: what another user wrote, or a link, counts as empty. */
function readOwn(file: string): string {
  try {
    const facts = lstatSync(file);
    return facts.isFile() && facts.uid === process.getuid?.() ? readFileSync(file, 'utf8') : '';
  } catch {
    return ''; // removed since it was listed
  }
}
