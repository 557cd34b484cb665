// One child process with a deadline and a signal that ends it. Arguments are an array; no shell is
// involved.
import { spawn, type ChildProcess } from 'node:child_process';
import type { RunLimits } from '#ports/disk-images.ts';

export interface ChildEnd {
  /** null: it was killed, or could not be started. */
  code: number | null;
  stdout: string;
  /** The end of its standard error. */
  stderr: string;
  /** Why this process killed it; null: it did not. */
  killedFor: 'deadline' | 'abort' | 'output' | null;
}

export interface Child {
  process: ChildProcess;
  /** Resolves when the process has ended; never rejects. */
  ended: Promise<ChildEnd>;
  kill(reason?: 'deadline' | 'abort'): void;
}

const maxOutputBytes = 1024 * 1024;
const maxComplaintBytes = 4096;
const environment = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };

/**
 * The kernel kills the command when this process dies, for whatever reason (prctl(2),
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
  { timeoutMs, signal }: RunLimits,
): Child {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: environment });
  let [stdout, stderr, outputBytes] = ['', '', 0];
  let killedFor: ChildEnd['killedFor'] = null;
  const end = (reason: NonNullable<ChildEnd['killedFor']>): void => {
    killedFor ??= reason;
    child.kill('SIGKILL');
  };
  const onAbort = (): void => end('abort');
  const timer = setTimeout(() => end('deadline'), timeoutMs);
  signal?.addEventListener('abort', onAbort, { once: true });
  if (signal?.aborted) onAbort();
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    outputBytes += Buffer.byteLength(text);
    if (outputBytes > maxOutputBytes) end('output');
    else stdout += text;
  });
  child.stderr
    .setEncoding('utf8')
    .on('data', (text: string) => (stderr = (stderr + text).slice(-maxComplaintBytes)));
  const ended = new Promise<ChildEnd>((resolve) => {
    const settle = (code: number | null): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      resolve({ code, stdout, stderr: stderr.trim(), killedFor });
    };
    child.once('error', (error) => {
      stderr ||= error.message;
      settle(null); // it could not be started: no 'close' follows
    });
    child.once('close', settle);
  });
  return { process: child, ended, kill: (reason = 'abort') => end(reason) };
}
