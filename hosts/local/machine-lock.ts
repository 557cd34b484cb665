// A lock among all processes of this machine: clouds that choose networks, and every process that
// powers one host on or off.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fault } from '#contracts/common/fault.ts';
import type { Outcome } from '#contracts/common/fault.ts';

/** Held while a cloud chooses its networks and starts to use them. */
export const networksLock = '/run/cobalt-networks.lock';
const waitS = 30;
// Only root may open the file and so block others. The path is an argument, never part of the
// script.
const holdLock = `umask 077; exec flock --wait ${waitS} "$1" sh -c 'echo held; exec cat >/dev/null'`;

/**
 * The lock is held by a child process, flock(1), and so ends with this process however that ends.
 * timeout: another process held it all the time.
 */
export async function oneAtATime<T>(
  lockFile: string,
  work: () => Promise<Outcome<T>>,
): Promise<Outcome<T>> {
  const child = spawn('/bin/sh', ['-c', holdLock, 'sh', lockFile], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  child.stdin.on('error', () => undefined); // it ended by itself; `close` reports it
  const ended = once(child, 'close');
  const isHeld = await Promise.race([
    once(child.stdout, 'data').then(() => true),
    ended.then(() => false),
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
    await ended;
  }
}
