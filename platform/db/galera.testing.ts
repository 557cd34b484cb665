// Starts a private Galera cluster of three nodes for tests: own data folders, unix sockets for
// clients, loopback ports between the nodes. The nodes are children of this process and are ended
// by their pid.
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { access, chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import type { DatabaseConfig } from './database.ts';
import { createDatabaseAt } from './mariadb.testing.ts';

const provider = '/usr/lib/galera/libgalera_smm.so'; // Debian: galera-4
const rsync = '/usr/bin/rsync'; // copies the data to a joining node
const readyTimeoutMs = 60_000;

export interface PrivateGalera {
  /** Creates one database; the result is how to open it through each of the nodes. */
  createDatabase(): Promise<DatabaseConfig[]>;
  stop(): Promise<void>;
}

/** The reason why Galera cannot run on this machine, for a test's `skip`; false if it can. */
export async function galeraMissing(): Promise<string | false> {
  for (const path of [provider, rsync, '/usr/sbin/mariadbd'])
    try {
      await access(path);
    } catch {
      return `${path} is missing: apt-get install mariadb-server galera-4 rsync`;
    }
  return false;
}

export async function startGalera(): Promise<PrivateGalera> {
  const folder = await mkdtemp(join(tmpdir(), 'cobalt-galera-'));
  await chmod(folder, 0o755);
  const nodes: { server: ChildProcess; socketPath: string }[] = [];
  const stop = async (): Promise<void> => {
    for (const { server } of nodes.toReversed()) await end(server);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    let first: string | undefined;
    for (const name of ['1', '2', '3']) {
      const [group, transfer, increments] = await freePorts();
      const address = `127.0.0.1:${group}`;
      const home = join(folder, name);
      const socketPath = join(home, 'sock');
      await prepare(home);
      const server = asOwnUser('/usr/sbin/mariadbd', [
        '--no-defaults',
        `--datadir=${join(home, 'data')}`,
        `--socket=${socketPath}`,
        `--pid-file=${join(home, 'pid')}`,
        '--skip-networking',
        '--binlog-format=row',
        '--innodb-autoinc-lock-mode=2',
        '--innodb-buffer-pool-size=16M',
        '--innodb-log-file-size=8M',
        '--wsrep-on=ON',
        `--wsrep-provider=${provider}`,
        '--wsrep-sst-method=rsync',
        `--wsrep-node-address=${address}`,
        `--wsrep-sst-receive-address=127.0.0.1:${transfer}`,
        `--wsrep-provider-options=gmcast.listen_addr=tcp://${address};ist.recv_addr=127.0.0.1:${increments};gcache.size=8M`,
        `--wsrep-cluster-address=gcomm://${first ?? ''}`,
        ...(first === undefined ? ['--wsrep-new-cluster'] : []),
      ]);
      nodes.push({ server, socketPath });
      await untilReady(socketPath);
      first ??= address;
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    stop,
    async createDatabase() {
      const config = await createDatabaseAt(nodes[0]?.socketPath ?? '');
      return nodes.map(({ socketPath }) => ({ ...config, socketPath }) as DatabaseConfig);
    },
  };
}

// If started as root, rsync's daemon would write as `nobody`, which may not write to these folders.
const ownUser = process.getuid?.() === 0 ? 'mysql' : undefined;

/**
 * Starts the program as that user, and has the kernel kill it when this process dies. setpriv
 * replaces itself by the program (exec), so the child's pid is the program's.
 */
function asOwnUser(program: string, args: readonly string[]): ChildProcess {
  const user =
    ownUser === undefined ? [] : ['--reuid', ownUser, '--regid', ownUser, '--clear-groups'];
  return spawn('setpriv', [...user, '--pdeathsig', 'KILL', '--', program, ...args], {
    stdio: 'ignore',
  });
}

async function prepare(home: string): Promise<void> {
  await mkdir(home);
  await promisify(execFile)('mariadb-install-db', [
    '--no-defaults',
    ...(ownUser === undefined ? [] : [`--user=${ownUser}`]),
    `--datadir=${join(home, 'data')}`,
    '--auth-root-authentication-method=normal',
    '--skip-test-db',
    '--skip-name-resolve',
  ]);
  if (ownUser !== undefined) await promisify(execFile)('chown', [ownUser, home]);
}

async function freePorts(): Promise<number[]> {
  const listeners = [1, 2, 3].map(() => createServer().listen(0, '127.0.0.1'));
  await Promise.all(listeners.map(async (listener) => await once(listener, 'listening')));
  const ports = listeners.map((listener) => (listener.address() as AddressInfo).port);
  for (const listener of listeners) listener.close();
  return ports;
}

async function untilReady(socketPath: string): Promise<void> {
  const deadline = Date.now() + readyTimeoutMs;
  while (Date.now() < deadline) {
    try {
      const connection = await createConnection({ socketPath, user: 'root' });
      const [rows] = await connection.query<RowDataPacket[]>(`show status like 'wsrep_ready'`);
      await connection.end();
      if (rows[0]?.['Value'] === 'ON') return;
    } catch {
      // the node is not listening yet
    }
    await sleep(100);
  }
  throw new Error(`no Galera node at ${socketPath} within ${readyTimeoutMs} ms`);
}

async function end(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const exit = once(server, 'exit');
  server.kill('SIGKILL'); // its data are not needed any more
  await exit;
}
