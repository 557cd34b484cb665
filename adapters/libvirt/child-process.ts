// Runs a tool (qemu-img, mkfs.ext4, mkswap) with a deadline. Arguments are an array; no shell is
// involved.
import { execFile } from 'node:child_process';

/** The tool is missing, failed, or took too long. `message` holds the end of its output. */
export class ChildFailed extends Error {
  override readonly name = 'ChildFailed';
}

const maxOutputBytes = 1024 * 1024;

export function runTool(command: string, args: string[], timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(
      command,
      args,
      {
        timeout: timeoutMs,
        killSignal: 'SIGKILL',
        maxBuffer: maxOutputBytes,
        env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
      },
      (error, stdout, stderr) => {
        if (!error) return resolve(stdout);
        const reason = error.killed
          ? `killed after ${timeoutMs} ms`
          : stderr.trim().split('\n').slice(-3).join(' | ') || error.message;
        reject(new ChildFailed(`${command} ${args[0] ?? ''}: ${reason}`, { cause: error }));
      },
    );
  });
}
