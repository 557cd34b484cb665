// Opens a listening socket in another network namespace: a child process enters it, opens the
// socket, passes it to this process and exits. Accepted connections stay in that namespace. Called
// by ovs-host-network.ts.
import { spawn } from 'node:child_process';
import { Server } from 'node:net';
import { fileURLToPath } from 'node:url';
import { HostToolFailed, type Enter } from './host-tool.ts';

const child = fileURLToPath(new URL('listen-child.mjs', import.meta.url));
const timeoutMs = 15_000;

/** Listens on all addresses of the namespace. */
export function listenInNetns(enter: Enter, netns: string, port: number): Promise<Server> {
  const [file, ...args] = [
    ...enter,
    'ip',
    'netns',
    'exec',
    netns,
    process.execPath,
    child,
    String(port),
  ];
  return new Promise((resolve, reject) => {
    const listener = spawn(file, args, {
      cwd: '/',
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
    });
    let words = '';
    listener.stderr?.on(
      'data',
      (chunk: Buffer) => (words = (words + chunk.toString()).slice(-2_000)),
    );
    listener.on('error', (error) =>
      reject(new HostToolFailed(`listen in ${netns}`, { cause: error })),
    );
    listener.once('message', (_message, handle) => {
      if (handle instanceof Server) resolve(handle);
      else reject(new HostToolFailed(`listen in ${netns}: the child sent no socket`));
      listener.disconnect();
    });
    listener.once('exit', (code, signal) =>
      reject(
        new HostToolFailed(`listen in ${netns}: ended with ${code ?? signal} ${words.trim()}`),
      ),
    ); // after the message it has no effect
  });
}
