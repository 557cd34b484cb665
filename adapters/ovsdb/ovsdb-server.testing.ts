// Starts a real ovsdb-server for tests, in its own folder with its own sockets, and ends it. Leaves
// nothing behind.
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { bound } from '#platform/child-process.ts';
import { eventually } from '#platform/testing/eventually.ts';
import { freePort } from '#platform/testing/free-port.ts';
import { answersAt, whatIsMissing } from '#platform/testing/real-daemon.ts';

const run = promisify(execFile);
const tools = ['/usr/sbin/ovsdb-server', '/usr/bin/ovsdb-tool', '/usr/share/ovn/ovn-nb.ovsschema'];

/** Why an ovsdb-server cannot run here; null: it can. */
export function whyNoOvsdb(): Promise<string | null> {
  return whatIsMissing(tools);
}

export interface PrivateOvsdb {
  unix: string;
  tcp: string;
  /** kill -9: nothing is flushed. */
  kill(): Promise<void>;
  /** kill -9, and the database file is deleted; the next `start` creates an empty one. */
  lose(): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Starts an ovsdb-server with an empty OVN database. `clustered`: a Raft database with one member,
 * which keeps its recent transactions over a restart: a client goes on from the last one it has
 * seen instead of fetching everything.
 */
export async function startPrivateOvsdb({
  clustered = false,
  schema = 'ovn-nb' as 'ovn-nb' | 'ovn-sb',
} = {}): Promise<PrivateOvsdb> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'cobalt-ovsdb-'));
  const at = (name: string) => path.join(folder, name);
  const env = { ...process.env, OVS_RUNDIR: folder, OVS_DBDIR: folder, OVS_LOGDIR: folder };
  const port = await freePort();
  let server: ChildProcess | undefined;
  const shoot = () => server?.kill('SIGKILL');
  process.once('exit', shoot);

  const kill = async () => {
    if (!server || server.exitCode !== null || server.signalCode !== null) return;
    const exit = new Promise((resolve) => server?.once('exit', resolve));
    server.kill('SIGKILL');
    await exit;
  };
  const start = async () => {
    let complaint = '';
    const [command = '', ...args] = bound([
      '/usr/sbin/ovsdb-server',
      `--remote=punix:${at('db.sock')}`,
      `--remote=ptcp:${port}:127.0.0.1`,
      `--unixctl=${at('ctl')}`,
      '-vconsole:warn',
      at('db'),
    ]);
    const child = spawn(command, args, { env, cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
    server = child;
    child.stderr.on(
      'data',
      (chunk: Buffer) => (complaint = (complaint + chunk.toString()).slice(-2000)),
    );
    try {
      await eventually(() => answersAt(at('db.sock')), {
        withinMs: 10_000,
        what: 'ovsdb-server answers',
      });
    } catch (error) {
      throw new Error(`ovsdb-server does not answer: ${complaint}`, { cause: error });
    }
  };
  const close = async () => {
    await kill();
    process.removeListener('exit', shoot);
    await rm(folder, { recursive: true, force: true });
  };

  const schemaFile = `/usr/share/ovn/${schema}.ovsschema`;
  const create = async () => {
    if (clustered)
      await run(
        '/usr/bin/ovsdb-tool',
        ['create-cluster', at('db'), schemaFile, `unix:${at('raft.sock')}`],
        { env },
      );
    else await run('/usr/bin/ovsdb-tool', ['create', at('db'), schemaFile], { env });
  };
  const lose = async () => {
    await kill();
    await rm(at('db'));
    await create();
  };

  try {
    await create();
    await start();
  } catch (error) {
    await close();
    throw error;
  }
  return { unix: `unix:${at('db.sock')}`, tcp: `tcp:127.0.0.1:${port}`, kill, lose, start, close };
}
