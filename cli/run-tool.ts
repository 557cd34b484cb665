// Runs a tool of the repository with its output on the terminal. For `cobalt check` and `cobalt
// test`.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bound } from '#platform/child-process.ts';
import { systemClock } from '#platform/clock.ts';

export const repository = dirname(dirname(fileURLToPath(import.meta.url)));

/** A tool that still runs this long after a signal is killed. */
const endTimeoutMs = 20_000;

const exitCodeOf = (signal: NodeJS.Signals): number => 128 + constants.signals[signal];
let toldToEnd: NodeJS.Signals | undefined;

/**
 * This process's exit code if a signal has ended a tool, else undefined. After such a signal no
 * further tool is started.
 */
export const interruptedCode = (): number | undefined => toldToEnd && exitCodeOf(toldToEnd);

/**
 * Runs the tool; returns its exit code, or 127 if it cannot be started, or 128 + n if signal n
 * ended it. SIGINT and SIGTERM are passed on to the tool, whose end is waited for. The kernel kills
 * the tool if this process is killed.
 */
export async function runTool(
  name: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<number> {
  if (toldToEnd) return exitCodeOf(toldToEnd);
  // This process's Node comes first in the PATH: tools start with `env node`, and the machine may
  // have another version.
  const path = [
    dirname(process.execPath),
    join(repository, 'node_modules', '.bin'),
    process.env['PATH'] ?? '',
  ].join(':');
  const [command = '', ...words] = bound([name, ...args]);
  // Handlers are set before the tool starts; a signal that arrives at once is handled in a later
  // turn, when `child` is set.
  const passOn = (signal: NodeJS.Signals): void => {
    toldToEnd = signal;
    child.kill(signal);
    systemClock.after(endTimeoutMs, () => child.kill('SIGKILL'), { unref: true });
  };
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.on(signal, passOn);
  const child = spawn(command, words, {
    cwd: repository,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, PATH: path, ...env },
  });
  try {
    return await new Promise((resolve) => {
      child.on('error', () => resolve(127));
      child.on('exit', (code, signal) => resolve(code ?? (signal ? exitCodeOf(signal) : 1)));
    });
  } finally {
    for (const signal of signals) process.off(signal, passOn);
  }
}
