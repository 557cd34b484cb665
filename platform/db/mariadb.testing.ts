// Starts a private MariaDB for tests: own data folder, unix socket only. The server is a child of
// this process and is ended by its pid.
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { access, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { createConnection } from 'mysql2/promise';
import { bound } from '../child-process.ts';
import { startOrStop } from '../testing/start-or-stop.ts';
import type { DatabaseConfig } from './database.ts';

const mariadbdProgram = '/usr/sbin/mariadbd'; // Debian: mariadb-server
const startTimeoutMs = 60_000;
const stopTimeoutMs = 20_000;

export interface PrivateMariadb {
  socketPath: string;
  /** Creates an empty database, with a random name by default, and returns how to open it. */
  createDatabase(name?: string): Promise<DatabaseConfig>;
  /** Ends the server and removes its folder. Safe to repeat. */
  stop(): Promise<void>;
}

/** A MariaDB that its test may kill and restart. */
export interface RestartableMariadb extends PrivateMariadb {
  /** Kills the server with SIGKILL, as a power failure would; its data stay. */
  kill(): Promise<void>;
  /** Starts the server again on the same data, after `kill`. */
  restart(): Promise<void>;
}

/** The reason why MariaDB cannot run on this machine, for a test's `skip`; false if it can. */
export async function mariadbMissing(): Promise<string | false> {
  return access(mariadbdProgram).then(
    () => false as const,
    () => `${mariadbdProgram} is missing: apt-get install --no-install-recommends mariadb-server`,
  );
}

/** Runs `use` with a private MariaDB and ends it whatever happens. */
export async function withMariadb<R>(use: (mariadb: PrivateMariadb) => Promise<R>): Promise<R> {
  const mariadb = await startMariadb();
  try {
    return await use(mariadb);
  } finally {
    await mariadb.stop();
  }
}

/**
 * Starts a MariaDB. `network`: options about where it listens; by default on its unix socket only.
 */
export async function startMariadb(
  network: readonly string[] = ['--skip-networking'],
): Promise<RestartableMariadb> {
  const folder = await mkdtemp(join(tmpdir(), 'cobalt-mariadb-'));
  const socketPath = join(folder, 'sock');
  const where = [
    '--no-defaults',
    `--user=${userInfo().username}`,
    `--datadir=${join(folder, 'data')}`,
  ];
  await promisify(execFile)('mariadb-install-db', [
    ...where,
    '--auth-root-authentication-method=normal',
    '--skip-test-db',
    '--skip-name-resolve',
  ]);
  let server: ChildProcess | undefined;
  const stop = async (): Promise<void> => {
    if (server) await end(server, 'SIGTERM');
    await rm(folder, { recursive: true, force: true });
  };
  const start = async (): Promise<void> => {
    server = spawnServer([
      ...where,
      ...network,
      `--socket=${socketPath}`,
      `--pid-file=${join(folder, 'pid')}`,
      // A folder of its own: servers that share one remove each other's temporary tables at start.
      `--tmpdir=${folder}`,
    ]);
    await untilReady(server, socketPath);
  };
  await startOrStop({ start, stop });
  return {
    socketPath,
    createDatabase: async (name) => await createDatabaseAt(socketPath, name),
    stop,
    kill: async () => {
      if (server) await end(server, 'SIGKILL');
    },
    restart: start,
  };
}

function spawnServer(where: readonly string[]): ChildProcess {
  const [command = '', ...args] = bound([
    mariadbdProgram,
    ...where,
    '--skip-log-bin',
    '--performance-schema=off',
    '--innodb-buffer-pool-size=16M',
    '--innodb-log-file-size=8M',
    '--key-buffer-size=1M',
    '--innodb-flush-log-at-trx-commit=2',
    '--max-connections=300',
  ]);
  return spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

/** Creates the database if it does not exist; its name is random by default. */
export async function createDatabaseAt(
  socketPath: string,
  database = `t${randomBytes(6).toString('hex')}`,
): Promise<DatabaseConfig> {
  const connection = await createConnection({ socketPath, user: 'root' });
  await connection.query('create database if not exists ??', [database]);
  await connection.end();
  return { dialect: 'mysql', socketPath, user: 'root', password: '', database };
}

async function untilReady(server: ChildProcess, socketPath: string): Promise<void> {
  let errors = '';
  server.stderr
    ?.setEncoding('utf8')
    .on('data', (text: string) => (errors = (errors + text).slice(-4_000)));
  const deadline = Date.now() + startTimeoutMs;
  while (Date.now() < deadline) {
    if (server.exitCode !== null)
      throw new Error(`mariadbd ended with ${server.exitCode}: ${errors}`);
    try {
      await (await createConnection({ socketPath, user: 'root' })).end();
      return;
    } catch {
      await sleep(50); // not listening yet
    }
  }
  throw new Error(`mariadbd not ready within ${startTimeoutMs} ms: ${errors}`);
}

async function end(server: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const exit = once(server, 'exit');
  server.kill(signal);
  const late = setTimeout(() => server.kill('SIGKILL'), stopTimeoutMs);
  await exit;
  clearTimeout(late);
}
