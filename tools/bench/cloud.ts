// A cloud of its own for a benchmark: a child process on a free port, with a temporary state
// folder, removed afterwards.
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
import { freePort } from '#platform/testing/free-port.ts';
import { ownedFolder, removeOwnedFolder } from '#platform/testing/owned-folder.ts';

export interface BenchCloud {
  dir: string;
  origin: string;
  port: number;
  pid: number;
  admin: CloudClient;
  adminPassword: string;
  close(): Promise<void>;
}

const run = promisify(execFile);
const startTimeoutMs = 300_000;

export async function startBenchCloud(options: {
  hosts: number;
  simulated: number;
  /** Its cobalt.yaml. */
  settings?: string;
}): Promise<BenchCloud> {
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
  ];
  const child = spawn(process.execPath, [...process.execArgv, ...args], {
    cwd: repository,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: { ...process.env, COBALT_HOME: dir },
  });
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error('the cloud did not come up in time')),
      startTimeoutMs,
    );
    child.on('message', (message: StartMessage) => {
      if (message.kind === 'step') return;
      clearTimeout(timer);
      if (message.kind === 'ready') resolve();
      else reject(new Error(message.why));
    });
    child.on('exit', (code) =>
      reject(new Error(`the cloud ended with code ${code}; see ${homePaths(dir).controlLog}`)),
    );
  });
  const secrets = await readSecrets(dir);
  const origin = `http://127.0.0.1:${port}`;
  return {
    dir,
    origin,
    port,
    pid: child.pid ?? 0,
    adminPassword: secrets.admin.reveal(),
    admin: await connectCloud(
      origin,
      { name: 'admin', password: secrets.admin, project: 'admin' },
      60_000,
    ),
    async close() {
      // its progress is not printed: standard output is for the figures
      await run(process.execPath, ['cli/main.ts', 'down', '--purge', '--home', dir], {
        cwd: repository,
      });
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
