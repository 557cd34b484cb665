// Starts the control plane in the background, below a supervisor that restarts it when it dies. For
// `up --detach` and `restart`.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { homePaths } from '#compose/home.ts';
import { systemClock } from '#platform/clock.ts';
import { greeting } from './greeting.ts';
import { incompleteExitCode, printStep, supervisedVariable } from './run-control.ts';
import type { ControlOptions, StartMessage } from './run-control.ts';
import { UserError } from './user-error.ts';

const [main, supervisor] = [
  join(import.meta.dirname, 'main.ts'),
  join(import.meta.dirname, 'supervise.sh'),
];

/**
 * Starts the control plane; resolves when it is up. Throws a UserError if it cannot start. Sets
 * this process's exit code if the start succeeded only in part.
 */
export async function startControl(options: ControlOptions): Promise<void> {
  const { dir, port, hosts, simulated, acceleration, distributed, logLevel, homeGiven } = options;
  const home = homePaths(dir);
  const isNew = !existsSync(home.databases);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const out = openSync(home.controlLog, 'a', 0o600);
  const startedAt = systemClock.monotonicMs();
  const words = [
    'up',
    '--home',
    dir,
    '--port',
    String(port),
    '--hosts',
    String(hosts),
    '--simulated',
    String(simulated),
    '--log-level',
    logLevel,
    ...(acceleration === undefined ? [] : ['--acceleration', acceleration]),
    ...(distributed ? ['--distributed'] : []),
  ];
  const child = spawn(
    '/bin/sh',
    [supervisor, home.restarts, process.execPath, ...process.execArgv, main, ...words],
    {
      detached: true,
      stdio: ['ignore', out, out, 'ipc'],
      env: { ...process.env, [supervisedVariable]: '1' },
    },
  );
  const failure = await new Promise<string | undefined>((resolve) => {
    child.on('message', (message: StartMessage) => {
      switch (message.kind) {
        case 'step':
          return printStep(message.name, message.ms, message.failed);
        case 'failed':
          return resolve(message.why);
        case 'ready': {
          const { origin, lateHosts, incomplete } = message;
          process.stdout.write(
            `  up in ${((systemClock.monotonicMs() - startedAt) / 1000).toFixed(1)} s\n`,
          );
          process.stdout.write(
            greeting({ dir, origin, lateHosts, homeGiven, realHosts: hosts > 0, isNew }),
          );
          if (incomplete) process.exitCode = incompleteExitCode;
          return resolve(undefined);
        }
      }
    });
    child.on('exit', (code) =>
      resolve(`The control plane ended with code ${code}. Its log: ${home.controlLog}`),
    );
    child.on('error', (error) => resolve(`The control plane cannot be started: ${error.message}`));
  });
  if (child.connected) child.disconnect();
  child.unref();
  if (failure !== undefined) throw new UserError(failure);
}
