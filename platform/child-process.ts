// Runs a child process with a deadline and bounded output, for tools whose output the caller reads.
// Arguments are an array: no shell is involved. Long-running children, and tools that write to the
// terminal, are spawned elsewhere.
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { systemClock } from './clock.ts';

export interface ChildOptions {
  /** The child gets SIGKILL after this time. Real time, also where the caller has a fake clock. */
  timeoutMs: number;
  /** The child gets SIGKILL when this is aborted. */
  signal?: AbortSignal;
  cwd?: string;
  /**
   * The whole environment of the child; default: the system's PATH and the C locale, so that output
   * can be parsed.
   */
  env?: NodeJS.ProcessEnv;
  /** The child's standard input, empty by default. The child may end without reading it. */
  input?: string | Buffer;
  /** The child gets SIGKILL when its standard output is longer. */
  maxOutputBytes?: number;
  /** How many bytes of the end of standard error are kept. */
  maxErrorBytes?: number;
  /** Called with each complete line of standard error as it arrives: the progress of a long run. */
  onErrorLine?(line: string): void;
}

export interface ChildEnd {
  /** The exit code; null if the child was killed or could not be started. */
  code: number | null;
  stdout: string;
  /** The end of standard error, trimmed; for a child that could not be started, the reason. */
  stderr: string;
  /** Why this process killed the child; null if it did not. */
  killedFor: 'deadline' | 'abort' | 'output' | null;
  /**
   * Set if the child could not be started, e.g. with `code` ENOENT when the tool does not exist.
   */
  startError: NodeJS.ErrnoException | null;
}

export interface Child {
  process: ChildProcess;
  /** Resolves when the child has ended and its output is read. Never rejects. */
  ended: Promise<ChildEnd>;
  /** Sends SIGKILL. Safe to repeat. */
  kill(reason?: 'deadline' | 'abort'): void;
}

const defaultMaxOutputBytes = 1024 * 1024;
const defaultMaxErrorBytes = 4096;
const plainEnvironment = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };

/**
 * Wraps a command so that the kernel kills the child when this process dies, for whatever reason
 * (prctl(2), PR_SET_PDEATHSIG).
 */
export const bound = (command: readonly string[]): string[] => [
  'setpriv',
  '--pdeathsig',
  'KILL',
  '--',
  ...command,
];

/** Starts the command. Never throws: `ended` tells that it could not be started. */
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
  // A child that ends without reading its input causes EPIPE, which is no failure.
  child.stdin?.on('error', () => undefined).end(input);
  const childEnd = new Promise<ChildEnd>((resolve) => {
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
    child.once('error', (error) => settle(null, error)); // could not be started: no 'close' follows
    child.once('close', (code) => settle(code, null));
  });
  return { process: child, ended: childEnd, kill: (reason = 'abort') => kill(reason) };
}

/** Runs the command to its end. Never rejects: the caller checks the exit code. */
export const runChild = async (
  command: readonly string[],
  options: ChildOptions,
): Promise<ChildEnd> => await startChild(command, options).ended;

/** Why the child failed, in a few words; undefined if it ended with exit code 0. */
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
