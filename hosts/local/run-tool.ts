// Runs one child process to its end with a deadline. Used by hosts/local and images/guest for every
// tool.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export interface ToolResult {
  /** Exit code; 128 + n after signal n, as in a shell. Also 137 when the deadline passed. */
  code: number;
  stdout: string;
  stderr: string;
}

export interface ToolOptions {
  /** The child gets SIGKILL after this long. */
  timeoutMs?: number;
  cwd?: string;
  input?: string | Buffer;
  env?: NodeJS.ProcessEnv;
  /** Called with each complete line of standard error as it arrives: the progress of a long run. */
  onErrorLine?(line: string): void;
}

/** The tool is not installed, or may not be run. */
export class ToolMissing extends Error {}

/**
 * Runs `file` with `args` (never a shell) and returns exit code and output, whatever the code.
 * Throws ToolMissing.
 */
export function tryTool(
  file: string,
  args: readonly string[],
  options: ToolOptions = {},
): Promise<ToolResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      timeout: options.timeoutMs ?? 30_000,
      killSignal: 'SIGKILL',
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    if (options.onErrorLine)
      createInterface({ input: child.stderr }).on('line', options.onErrorLine);
    child.on('error', (cause) => reject(new ToolMissing(`${file} cannot be run`, { cause })));
    child.on('close', (code) =>
      resolve({
        code: code ?? 137,
        stdout: Buffer.concat(out).toString(),
        stderr: Buffer.concat(err).toString(),
      }),
    );
    // the tool may exit without reading its input; its exit code tells
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input);
  });
}

/**
 * As `tryTool`, for tools that must succeed: returns the output, otherwise throws with the end of
 * the tool's messages.
 */
export async function runTool(
  file: string,
  args: readonly string[],
  options: ToolOptions = {},
): Promise<string> {
  const result = await tryTool(file, args, options);
  if (result.code === 0) return result.stdout;
  const words = (result.stderr.trim() || result.stdout.trim()).split('\n').slice(-5).join('\n');
  throw new Error(`${file} ${args.join(' ')} ended with ${result.code}: ${words}`);
}
