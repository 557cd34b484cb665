// Runs a child process with a deadline and bounded output. Every adapter and host that runs a tool
// does it by this file. Arguments are an array: no shell is involved.
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { systemClock } from './clock.ts';

export interface ChildOptions {
  /** It gets SIGKILL after this long: real time, whatever clock the caller has. */
  timeoutMs: number;
  /** It gets SIGKILL when this is aborted. */
  signal?: AbortSignal;
  cwd?: string;
  /** The whole environment. Otherwise the system's PATH and the C locale, so that output parses. */
  env?: NodeJS.ProcessEnv;
  /** Its standard input, which is empty otherwise. It may end without having read it. */
  input?: string | Buffer;
  /** It gets SIGKILL when its standard output is longer. */
  maxOutputBytes?: number;
  /** So much of the end of its standard error is kept. */
  maxErrorBytes?: number;
  /** Called with each complete line of standard error as it arrives: the progress of a long run. */
  onErrorLine?(line: string): void;
}

export interface ChildEnd {
  /** The exit code. null: it was killed, or could not be started. */
  code: number | null;
  stdout: string;
  /** The end of its standard error, trimmed; of one that could not be started, why. */
  stderr: string;
  /** Why this process killed it; null: it did not. */
  killedFor: 'deadline' | 'abort' | 'output' | null;
  /** It could not be started, e.g. with `code` ENOENT: there is no such tool. */
  startError: NodeJS.ErrnoException | null;
}

export interface Child {
  process: ChildProcess;
  /** Resolves when the process has ended and its output was read; never rejects. */
  ended: Promise<ChildEnd>;
  /** SIGKILL. Safe to repeat. */
  kill(reason?: 'deadline' | 'abort'): void;
}

const defaultMaxOutputBytes = 1024 * 1024;
const defaultMaxErrorBytes = 4096;
const plainEnvironment = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };

/**
 * The command, to be killed by the kernel when this process dies, for whatever reason (prctl(2),
 * PR_SET_PDEATHSIG).
 */
export const bound = (command: readonly string[]): string[] => [
  'setpriv',
  '--pdeathsig',
  'KILL',
  '--',
  ...command,
];

export function startChild(
  [command = '', ...args]: readonly string[],
  options: ChildOptions,
): Child {
  const { maxOutputBytes = defaultMaxOutputBytes, maxErrorBytes = defaultMaxErrorBytes } = options;
  const { signal, input } = options;
  const child = spawn(command, args, {
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    cwd: options.cwd,
    env: options.env ?? plainEnvironment,
  });
  const output: Buffer[] = [];
  let [stderr, outputBytes] = ['', 0];
  let killedFor: ChildEnd['killedFor'] = null;
  const kill = (reason: NonNullable<ChildEnd['killedFor']>): void => {
    killedFor ??= reason;
    child.kill('SIGKILL');
  };
  const onAbort = (): void => kill('abort');
  const deadline = systemClock.after(options.timeoutMs, () => kill('deadline'));
  signal?.addEventListener('abort', onAbort, { once: true });
  if (signal?.aborted) onAbort();
  child.stdout?.on('data', (chunk: Buffer) => {
    outputBytes += chunk.length;
    if (outputBytes > maxOutputBytes) kill('output');
    else output.push(chunk);
  });
  child.stderr
    ?.setEncoding('utf8')
    .on('data', (text: string) => (stderr = (stderr + text).slice(-maxErrorBytes)));
  if (options.onErrorLine && child.stderr)
    createInterface({ input: child.stderr }).on('line', options.onErrorLine);
  child.stdin?.on('error', () => undefined).end(input); // it ended unread: its exit code tells
  const ended = new Promise<ChildEnd>((resolve) => {
    const settle = (code: number | null, startError: ChildEnd['startError']): void => {
      deadline.stop();
      signal?.removeEventListener('abort', onAbort);
      const stdout = Buffer.concat(output).toString();
      resolve({
        code,
        stdout,
        stderr: stderr.trim() || (startError?.message ?? ''),
        killedFor,
        startError,
      });
    };
    child.once('error', (error) => settle(null, error)); // of a start: no 'close' follows
    child.once('close', (code) => settle(code, null));
  });
  return { process: child, ended, kill: (reason = 'abort') => kill(reason) };
}

/** As `startChild`, to its end. Never rejects: the caller judges the end. */
export const runChild = async (
  command: readonly string[],
  options: ChildOptions,
): Promise<ChildEnd> => await startChild(command, options).ended;

/** Why it did not succeed, in a few words; undefined: it ended with 0. */
export function failureOf(end: ChildEnd, { timeoutMs }: { timeoutMs: number }): string | undefined {
  switch (end.killedFor) {
    case 'deadline':
      return `killed after ${timeoutMs} ms`;
    case 'output':
      return 'killed: its output was too long';
    case 'abort':
      return 'killed: it was not wanted any more';
    case null: {
      if (end.code === 0) return undefined;
      const words = end.stderr.split('\n').slice(-3).join(' | ');
      return words || `ended with ${end.code ?? 'a signal'}`;
    }
  }
}
