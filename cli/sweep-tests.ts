// Removes what killed tests have left: control planes, hosts, filers, networks, mounts and their
// folders. Called by `cobalt test` before and after the tests. A folder whose owner still runs
// under a living test runner is never touched.
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { homePaths } from '#compose/home.ts';
import { killInit } from '#hosts/local/init-process.ts';
import { deleteNetns, netnsPids } from '#hosts/local/netns.ts';
import { runChild } from '#platform/child-process.ts';
import { systemClock } from '#platform/clock.ts';
import { abandonedFolders, own, removeOwnedFolder } from '#platform/testing/owned-folder.ts';
import type { AbandonedFolder } from '#platform/testing/owned-folder.ts';
import { purge } from './commands/down.ts';
import { endControl } from './control-process.ts';

const patienceMs = 5_000;
const umountTimeoutMs = 10_000;

/** Removes all abandoned folders; calls `say` for each that was removed or could not be. */
export async function sweepTests(
  say: (text: string) => void,
  places?: readonly string[],
): Promise<void> {
  for (const abandoned of await abandonedFolders(places)) {
    try {
      await takeDown(abandoned);
      say(`cleared ${abandoned.folder}, which a test run that was killed has left`);
    } catch (error) {
      say(`could not clear ${abandoned.folder} of a killed test run: ${(error as Error).message}`);
    }
  }
}

async function takeDown({ folder, owner }: AbandonedFolder): Promise<void> {
  own(folder); // so that no other run sweeps it at the same time
  if (owner) await killInit(owner, systemClock, patienceMs);
  const dirs = await stateFolders(folder);
  for (const dir of dirs) await endControl(homePaths(dir), patienceMs);
  await endCommands(folder);
  for (const dir of dirs) await purge(dir, process.getuid?.() === 0);
  await removeNetns(basename(folder));
  for (const mount of await mountsBelow(folder)) {
    const { code, stderr } = await runChild(['umount', '--lazy', mount], {
      timeoutMs: umountTimeoutMs,
    });
    if (code !== 0) throw new Error(stderr);
  }
  removeOwnedFolder(folder);
}

/** The folder and those below it that are state folders: with a control plane or with hosts. */
async function stateFolders(folder: string): Promise<string[]> {
  // The folder may be gone already.
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const below = entries
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(folder, name));
  return [folder, ...below].filter((dir) =>
    ['control.lock', 'hosts', 'filer', 'ovn'].some((name) => existsSync(join(dir, name))),
  );
}

/**
 * Ends commands that work on the folder: one that is still starting a cloud has no record in it
 * yet. They are found by the folder's name in their arguments, which is unique to its test run.
 */
async function endCommands(folder: string): Promise<void> {
  const isBelow = (path: string): boolean => path === folder || path.startsWith(`${folder}/`);
  const readWords = async (pid: string, file: string): Promise<string[]> =>
    // The process may have ended.
    (await readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '')).split('\0');
  for (const deadline = systemClock.monotonicMs() + patienceMs; ;) {
    const pids: number[] = [];
    for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
      const args = await readWords(pid, 'cmdline');
      const isOfHome =
        isBelow(args[args.indexOf('--home') + 1] ?? '') ||
        (await readWords(pid, 'environ')).some(
          (variable) =>
            variable.startsWith('COBALT_HOME=') && isBelow(variable.slice('COBALT_HOME='.length)),
        );
      if (isOfHome) pids.push(Number(pid));
    }
    if (pids.length === 0) return;
    if (systemClock.monotonicMs() > deadline)
      throw new Error(`processes ${pids.join(', ')} do not end`);
    for (const pid of pids) killQuietly(pid);
    await systemClock.sleep(20);
  }
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // the process ended between the check and the signal
  }
}

/** Removes the network namespace with this name: some tests create one with their folder's name. */
async function removeNetns(name: string): Promise<void> {
  for (const pid of await netnsPids(name)) killQuietly(pid);
  await deleteNetns(name);
}

/** The mounts below the folder, the last one first. Source: proc_pid_mountinfo(5). */
async function mountsBelow(folder: string): Promise<string[]> {
  const text = await readFile('/proc/self/mountinfo', 'utf8');
  return text
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((mount) => mount === folder || mount.startsWith(`${folder}/`))
    .toReversed();
}
