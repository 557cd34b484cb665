// A lock between all processes of this machine: for clouds that choose networks, and for processes
// that power a host on or off or issue the hosts' certificates.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fault } from '#contracts/common/fault.ts';
import type { Outcome } from '#contracts/common/fault.ts';

/** Path of the lock held while a cloud chooses its networks and starts to use them. */
export const networksLock = '/run/cobalt-networks.lock';
/** How long a process waits for the lock before it fails. */
const waitS = 30;
// umask: only root can open the lock file, so nobody else can block. The path is an argument, not
// part of the script, which prevents shell injection.
const holdLock = `umask 077; exec flock --wait ${waitS} "$1" sh -c 'echo held; exec cat >/dev/null'`;

/**
 * Runs `work` under the lock. A child process, flock(1), holds the lock, so it is released when
 * this process ends, however that happens. timeout: another process kept the lock for too long.
 */
export async function oneAtATime<T>(
  lockFile: string,
  work: () => Promise<Outcome<T>>,
): Promise<Outcome<T>> {
  const child = spawn('/bin/sh', ['-c', holdLock, 'sh', lockFile], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  child.stdin.on('error', () => undefined); // the child ended; `close` reports it
  const childEnd = once(child, 'close');
  const isHeld = await Promise.race([
    once(child.stdout, 'data').then(() => true),
    childEnd.then(() => false),
  ]);
  if (!isHeld)
    return fault(
      'timeout',
      `another process of this machine has held ${lockFile} for ${waitS} s; end it and try again`,
    );
  try {
    return await work();
  } finally {
    child.stdin.end();
    await childEnd;
  }
}
