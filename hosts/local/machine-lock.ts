// One at a time among all processes of this machine: clouds that choose networks, and everyone who
// switches one host on or off.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fault } from '#contracts/common/fault.ts';
import type { Outcome } from '#contracts/common/fault.ts';

/** Held while a cloud chooses and takes its networks. */
export const networksLock = '/run/cobalt-networks.lock';
const waitS = 30;
// Nobody but root may open the file, and so hold up the others. The path is an argument, never part
// of the script.
const holdLock = `umask 077; exec flock --wait ${waitS} "$1" sh -c 'echo held; exec cat >/dev/null'`;

/**
 * The lock is that of flock(1), a child of ours, and so ends with us however we end. timeout:
 * another process holds it all the time.
 */
export async function oneAtATime<T>(
  lockFile: string,
  work: () => Promise<Outcome<T>>,
): Promise<Outcome<T>> {
  const child = spawn('/bin/sh', ['-c', holdLock, 'sh', lockFile], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  child.stdin.on('error', () => undefined); // it ended by itself; `close` tells
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
