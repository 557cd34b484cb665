// Finds the process that listens on a TCP port of this machine, to name it in an error. Source:
// proc(5), /proc/net/tcp and /proc/PID/fd.
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { UserError } from './user-error.ts';

/** Checks that the port is free: throws a UserError unless this process could listen on it now. */
export async function checkPort(host: string, port: number): Promise<void> {
  const code = await new Promise<string | undefined>((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code));
    server.listen(port, host, () => server.close(() => resolve(undefined)));
  });
  if (code === 'EACCES')
    throw new UserError(
      `Port ${port} may not be opened by this user. Choose one from 1024 with --port N.`,
    );
  if (code === 'EADDRNOTAVAIL')
    throw new UserError(`This machine has no address ${host} (setting api.host in cobalt.yaml).`);
  if (code === 'EADDRINUSE')
    throw new UserError(
      `Port ${port} is taken by ${holderOf(port)}. Choose another with --port N, or end it.`,
    );
}

function holderOf(port: number): string {
  const pid = pidOfInode(listeningInodes(port));
  if (pid === undefined) return 'another program';
  const words = readOr(`/proc/${pid}/cmdline`).split('\0');
  const up = words.findIndex(
    (word, index) => word === 'up' && words[index - 1]?.endsWith('/cli/main.ts'),
  );
  if (up === -1) return `another program (process ${pid}: ${words[0]})`;
  const home = words[words.indexOf('--home') + 1];
  return `another cloud of CobaltCore (process ${pid}, state in ${words.includes('--home') && home ? home : 'its default folder'}; ./cobalt status tells of it)`;
}

const listening = '0A'; // TCP_LISTEN

function listeningInodes(port: number): Set<string> {
  const hexPort = port.toString(16).toUpperCase().padStart(4, '0');
  const rows = ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((file) =>
    readOr(file)
      .split('\n')
      .map((line) => line.trim().split(/\s+/)),
  );
  return new Set(
    rows
      .filter(([, local, , state]) => state === listening && local?.endsWith(`:${hexPort}`))
      .map((row) => row[9] ?? ''),
  );
}

function pidOfInode(inodes: ReadonlySet<string>): number | undefined {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      for (const fd of readdirSync(`/proc/${pid}/fd`)) {
        const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1];
        if (inode !== undefined && inodes.has(inode)) return Number(pid);
      }
    } catch {
      // the process has ended meanwhile, or belongs to another user
    }
  }
  return undefined;
}

function readOr(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // no IPv6, or the process ended
  }
}
