// A private MariaDB of a distributed cloud: own data folder, and a socket that only the folder's
// owner can open.
import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import { startChild } from '#platform/child-process.ts';
import type { ProcessSpec } from './supervised-process.ts';

const program = '/usr/sbin/mariadbd'; // Debian: mariadb-server

export const mariadbNeeds = [[program, 'mariadb-server']] as const;
export const mariadbUser = 'root';
export const mariadbSocket = (folder: string): string => join(folder, 'sock');

/**
 * Initialises the data folder at first use. unavailable: that failed; with the installer's message.
 */
export async function prepareMariadb(
  folder: string,
  maxConnections: number,
): Promise<Outcome<ProcessSpec>> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const [dataFolder, temporaryFolder] = [join(folder, 'data'), join(folder, 'tmp')];
  await mkdir(temporaryFolder, { recursive: true });
  const common = ['--no-defaults', `--user=${userInfo().username}`, `--datadir=${dataFolder}`];
  const env = { PATH: process.env['PATH'], LANG: 'C.UTF-8' };
  if (!existsSync(join(folder, 'installed'))) {
    await rm(dataFolder, { recursive: true, force: true }); // left by an interrupted installation
    const { code, stderr } = await startChild(
      [
        'mariadb-install-db',
        ...common,
        '--auth-root-authentication-method=normal',
        '--skip-test-db',
        '--skip-name-resolve',
      ],
      { timeoutMs: 60_000, env },
    ).ended;
    if (code !== 0) return fault('unavailable', `mariadb-install-db failed: ${stderr}`);
    await mkdir(join(folder, 'installed'));
  }
  const socket = mariadbSocket(folder);
  return {
    name: 'mariadb',
    command: [
      program,
      ...common,
      `--socket=${socket}`,
      `--pid-file=${join(folder, 'pid')}`,
      // A folder of its own: servers that share one remove each other's temporary tables at start.
      `--tmpdir=${temporaryFolder}`,
      '--skip-networking',
      '--skip-log-bin',
      '--performance-schema=off',
      '--innodb-buffer-pool-size=128M',
      `--max-connections=${maxConnections}`,
    ],
    env,
    logFile: join(folder, 'mariadb.log'),
    isReady: async () => await accepts(socket),
    readyWithinMs: 60_000,
    stopWithinMs: 30_000,
  };
}

const accepts = async (path: string): Promise<boolean> =>
  await new Promise((resolve) => {
    const socket = connect({ path });
    // A server that is ready sends a greeting.
    socket.on('data', () => resolve(true)).on('error', () => resolve(false));
    socket.on('data', () => socket.destroy());
  });
