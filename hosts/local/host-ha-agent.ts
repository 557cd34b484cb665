// Which HA Agent a host runs: host-init.sh starts it from these files, as it does the host's other
// daemons, also while nobody of the control plane is there.
import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { HostPaths } from './host-paths.ts';

export interface HostHaAgent {
  /** Program and arguments; the path of its settings follows as the last one. */
  command: readonly string[];
  /** Told as JSON. With a secret of the agent: only root reads the file. */
  settings: object;
}

/**
 * null: the host runs none. An agent that runs ends when its settings change, and is started anew.
 * Safe to repeat.
 */
export async function writeHaAgent(
  { haAgentDir: dir }: Pick<HostPaths, 'haAgentDir'>,
  agent: HostHaAgent | null,
): Promise<void> {
  const [command, settings] = [join(dir, 'command'), join(dir, 'settings.json')];
  if (agent === null) {
    await rm(command, { force: true });
    return await rm(settings, { force: true });
  }
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await chmod(dir, 0o700);
  await writeChanged(settings, JSON.stringify(agent.settings));
  await writeChanged(command, [...agent.command, settings].map((word) => `${word}\n`).join(''));
}

/** Appears whole. */
async function writeChanged(path: string, text: string): Promise<void> {
  if ((await readFile(path, 'utf8').catch(() => null)) === text) return;
  await writeFile(`${path}.new`, text, { mode: 0o600 });
  await rename(`${path}.new`, path);
}
