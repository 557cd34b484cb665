// Starts a real ovn-northd between two databases for tests, and ends it. Leaves nothing behind.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { bound } from '#platform/child-process.ts';
import { whatIsMissing } from '#platform/testing/real-daemon.ts';

const northdProgram = '/usr/bin/ovn-northd';

/** Why northd cannot run here; null: it can. */
export function whyNoNorthd(): Promise<string | null> {
  return whatIsMissing([northdProgram]);
}

/** Starts northd. `north` and `south`: the databases, as `unix:` remotes. */
export async function startNorthd(
  north: string,
  south: string,
): Promise<{ close(): Promise<void> }> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'cobalt-northd-'));
  const env = {
    ...process.env,
    OVN_RUNDIR: folder,
    OVS_RUNDIR: folder,
    OVN_LOGDIR: folder,
    OVS_LOGDIR: folder,
  };
  const [command = '', ...args] = bound([
    northdProgram,
    `--ovnnb-db=${north}`,
    `--ovnsb-db=${south}`,
    `--unixctl=${path.join(folder, 'ctl')}`,
    '-vconsole:off',
  ]);
  const northd = spawn(command, args, { env, cwd: folder, stdio: 'ignore' });
  const exit = new Promise((resolve) => northd.once('exit', resolve));
  const shoot = () => northd.kill('SIGKILL');
  process.once('exit', shoot);
  return {
    close: async () => {
      shoot();
      await exit;
      process.removeListener('exit', shoot);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
