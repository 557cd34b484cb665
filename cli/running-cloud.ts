// Connects a command to the APIs of the cloud of a state folder, as administrator, if its control
// plane runs.
import { cloudConfigSchema } from '#compose/config.ts';
import type { Home } from '#compose/home.ts';
import { readSecrets } from '#compose/home.ts';
import { loadConfig } from '#platform/config/config.ts';
import type { CloudClient } from './cloud-client.ts';
import { connectCloud } from './cloud-client.ts';
import { findControl } from './control-process.ts';
import { requireHome } from './state-folder.ts';
import { UserError } from './user-error.ts';

/**
 * Connects to the cloud in `home`; undefined: no control plane runs. `timeoutMs`: deadline of each
 * call.
 */
export async function runningCloud(
  home: Home,
  timeoutMs?: number,
): Promise<CloudClient | undefined> {
  const control = await findControl(home.controlPid);
  if (!control) return undefined;
  const { api } = await loadConfig(cloudConfigSchema, {
    file: home.configFile,
    env: process.env,
    prefix: 'COBALT',
  });
  const user = { name: 'admin', password: (await readSecrets(home.dir)).admin, project: 'admin' };
  return await connectCloud(`http://${api.host}:${control.port}`, user, timeoutMs);
}

/** As `runningCloud`, for commands that need it: throws a UserError if no control plane runs. */
export async function connectRunning(
  folder: string | undefined,
  timeoutMs?: number,
): Promise<CloudClient> {
  const cloud = await runningCloud(requireHome(folder), timeoutMs);
  if (!cloud) throw new UserError('The cloud does not run: ./cobalt up starts it.');
  return cloud;
}
