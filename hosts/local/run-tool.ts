// Runs one child process to its end with a deadline. Used by hosts/local and images for every tool,
// and by the CLI for systemctl.
import { runChild } from '#platform/child-process.ts';

export interface ToolResult {
  /** Exit code; 137 if the tool was killed, e.g. at its deadline, as in a shell. */
  code: number;
  stdout: string;
  stderr: string;
}

export interface ToolOptions {
  /** The tool gets SIGKILL after this time. */
  timeoutMs?: number;
  cwd?: string;
  input?: string | Buffer;
  env?: NodeJS.ProcessEnv;
  /** Called with each complete line of standard error as it arrives: the progress of a long run. */
  onErrorLine?(line: string): void;
}

const maxBytes = 64 * 1024 * 1024;

/** Thrown if the tool is not installed, or may not be executed. */
export class ToolMissing extends Error {}

/**
 * Runs `file` with `args` (never a shell) and returns exit code and output, whatever the code.
 * Throws ToolMissing.
 */
export async function tryTool(
  file: string,
  args: readonly string[],
  { timeoutMs = 30_000, env = process.env, input = '', ...options }: ToolOptions = {},
): Promise<ToolResult> {
  const limits = { timeoutMs, maxOutputBytes: maxBytes, maxErrorBytes: maxBytes };
  const end = await runChild([file, ...args], { ...options, ...limits, env, input });
  if (end.startError) throw new ToolMissing(`${file} cannot be run`, { cause: end.startError });
  return { code: end.code ?? 137, stdout: end.stdout, stderr: end.stderr };
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
