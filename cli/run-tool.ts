// Runs a tool of the repository with its output on the terminal.
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const repository = dirname(dirname(fileURLToPath(import.meta.url)));

/** The exit code; a tool that cannot be started counts as 127. */
export async function runTool(
  name: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<number> {
  // The locked Node first: the tools' scripts begin with `env node`, and the machine may have
  // another one.
  const path = [
    dirname(process.execPath),
    join(repository, 'node_modules', '.bin'),
    process.env['PATH'] ?? '',
  ].join(':');
  const child = spawn(name, args, {
    cwd: repository,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, PATH: path, ...env },
  });
  return await new Promise((resolve) => {
    child.on('error', () => resolve(127));
    child.on('exit', (code, signal) => resolve(code ?? (signal ? 128 : 1)));
  });
}
