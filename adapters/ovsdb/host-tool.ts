// Runs a tool on a host with a deadline, by the host's command prefix (`nsenter …`; empty on a real
// node). Arguments are an array.
import { execFile } from 'node:child_process';

export class HostToolFailed extends Error {
  override readonly name = 'HostToolFailed';
}

const timeoutMs = 10_000;
const maxOutputBytes = 4 * 1024 * 1024;

export type Enter = readonly string[];

export function runOnHost(enter: Enter, command: readonly string[]): Promise<string> {
  const [file = '', ...args] = [...enter, ...command];
  return new Promise((resolve, reject) => {
    execFile(
      file,
      args,
      {
        timeout: timeoutMs,
        killSignal: 'SIGKILL',
        maxBuffer: maxOutputBytes,
        cwd: '/',
        env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
      },
      (error, stdout, stderr) => {
        if (!error) return resolve(stdout);
        const reason = error.killed
          ? `killed after ${timeoutMs} ms`
          : stderr.trim().split('\n').slice(-3).join(' | ') || error.message;
        reject(new HostToolFailed(`${command.join(' ')}: ${reason}`, { cause: error }));
      },
    );
  });
}
