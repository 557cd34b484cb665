// Starts a cloud for a benchmark: a child process on a free port, with a temporary state folder,
// which is removed afterwards.
import { execFile, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { connectCloud } from '#cli/cloud-client.ts';
import type { CloudClient } from '#cli/cloud-client.ts';
import type { StartMessage } from '#cli/run-control.ts';
import { repository } from '#cli/run-tool.ts';
import { homePaths, readSecrets } from '#compose/home.ts';
import { readProcessTable } from '#compose/process-table.ts';
import { freePort } from '#platform/testing/free-port.ts';
import { ownedFolder, removeOwnedFolder } from '#platform/testing/owned-folder.ts';

export interface BenchCloud {
  dir: string;
  origin: string;
  port: number;
  /** Pid of the process that was started. */
  pid: number;
  /** Pids of the control plane; in a distributed cloud, of all its roles and daemons. */
  pids(): Promise<number[]>;
  admin: CloudClient;
  adminPassword: string;
  close(): Promise<void>;
}

/** Start message of releases before 0.4, which may be compared with this one. */
type OldStartMessage = { kind?: undefined; step?: string; ready?: object; failed?: string };

const run = promisify(execFile);
const startTimeoutMs = 300_000;

/** The checkout whose code runs: this one, or another commit's. */
export interface Checkout {
  folder: string;
  node: string;
}

const thisCheckout: Checkout = { folder: repository, node: process.execPath };

export async function startBenchCloud(
  options: { hosts: number; simulated: number; distributed?: boolean; settings?: string },
  { folder, node }: Checkout = thisCheckout,
): Promise<BenchCloud> {
  const dir = ownedFolder(join(tmpdir(), 'cobalt-bench-'));
  if (options.settings !== undefined)
    writeFileSync(join(dir, 'cobalt.yaml'), options.settings, { mode: 0o600 });
  const port = await freePort();
  const args = [
    'cli/main.ts',
    'up',
    '--hosts',
    String(options.hosts),
    '--simulated',
    String(options.simulated),
    '--port',
    String(port),
    '--home',
    dir,
    '--log-level',
    'warn',
    ...(options.distributed ? ['--distributed'] : []),
  ];
  const child = spawn(node, [...process.execArgv, ...args], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: { ...process.env, COBALT_HOME: dir },
  });
  let timer: NodeJS.Timeout | undefined;
  await new Promise<void>((resolve, reject) => {
    timer = setTimeout(
      () => reject(new Error('the cloud did not come up in time')),
      startTimeoutMs,
    );
    child.on('message', (message: StartMessage | OldStartMessage) => {
      const isOld = message.kind === undefined;
      if (isOld ? message.ready : message.kind === 'ready') resolve();
      const why = isOld ? message.failed : message.kind === 'failed' && message.why;
      if (typeof why === 'string') reject(new Error(why));
    });
    child.on('exit', (code) =>
      reject(new Error(`the cloud ended with code ${code}; see ${homePaths(dir).controlLog}`)),
    );
  }).finally(() => clearTimeout(timer));
  const secrets = await readSecrets(dir);
  const origin = `http://127.0.0.1:${port}`;
  return {
    dir,
    origin,
    port,
    pid: child.pid ?? 0,
    pids: async () => [
      child.pid ?? 0,
      ...(await readProcessTable(homePaths(dir))).flatMap(({ pid }) => pid ?? []),
    ],
    adminPassword: secrets.admin.reveal(),
    admin: await connectCloud(
      origin,
      { name: 'admin', password: secrets.admin, project: 'admin' },
      60_000,
    ),
    async close() {
      // Its output is not printed: standard output is for the figures.
      await run(node, ['cli/main.ts', 'down', '--purge', '--home', dir], { cwd: folder });
      removeOwnedFolder(dir);
    },
  };
}

/** The id of the project whose quotas a benchmark lifts. */
export async function adminProject({ admin }: BenchCloud): Promise<string> {
  const { projects } = await admin.ask<{ projects: { id: string; name: string }[] }>(
    'identity',
    'GET',
    '/v3/auth/projects',
  );
  const id = projects.find(({ name }) => name === 'admin')?.id;
  if (id === undefined) throw new Error('the administrator sees no project "admin"');
  return id;
}
