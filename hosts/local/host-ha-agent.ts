// The HA Agent's files in a host's folder: host-init.sh starts the agent from them, like the host's
// other daemons, so that it also runs while the control plane is down.
import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { HostPaths } from './host-paths.ts';

export interface HostHaAgent {
  /** Program and arguments; the path of the settings is appended as the last one. */
  command: readonly string[];
  /** Written as JSON. They contain the agent's secret, so only root can read the file. */
  settings: object;
}

/**
 * Sets the host's HA Agent; null: none. A running agent notices changed settings, ends, and is
 * restarted with the new ones. Safe to repeat.
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

/** Writes a file atomically, if its content has changed. */
async function writeChanged(path: string, text: string): Promise<void> {
  if ((await readFile(path, 'utf8').catch(() => null)) === text) return;
  await writeFile(`${path}.new`, text, { mode: 0o600 });
  await rename(`${path}.new`, path);
}
