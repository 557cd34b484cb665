// Runs a tool of the repository with its output on the terminal.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bound } from '#platform/child-process.ts';
import { systemClock } from '#platform/clock.ts';

export const repository = dirname(dirname(fileURLToPath(import.meta.url)));

/** A tool that has been told to end and runs on is killed after this time. */
const endTimeoutMs = 20_000;

const exitCodeOf = (signal: NodeJS.Signals): number => 128 + constants.signals[signal];
let toldToEnd: NodeJS.Signals | undefined;

/**
 * The exit code of this process once a signal has ended a tool; undefined: none has. No other tool
 * is started then.
 */
export const interruptedCode = (): number | undefined => toldToEnd && exitCodeOf(toldToEnd);

/**
 * The exit code; a tool that cannot be started counts as 127, one that a signal ended as 128 and
 * more. SIGINT and SIGTERM go on to the tool, whose end is waited for; it also ends when this
 * process is killed.
 */
export async function runTool(
  name: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<number> {
  if (toldToEnd) return exitCodeOf(toldToEnd);
  // The locked Node first: the tools' scripts begin with `env node`, and the machine may have
  // another one.
  const path = [
    dirname(process.execPath),
    join(repository, 'node_modules', '.bin'),
    process.env['PATH'] ?? '',
  ].join(':');
  const [command = '', ...words] = bound([name, ...args]);
  // Before the tool starts: a signal that comes at once is delivered in the next turn, after it.
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
