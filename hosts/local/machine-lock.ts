// One at a time among all clouds of this machine. Used where they choose what each must have for itself.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fault } from '#contracts/common/fault.ts';
import type { Outcome } from '#contracts/common/fault.ts';

const lockFile = '/run/cobalt-networks.lock';
const waitS = 30;
// Nobody but root may open the file, and so hold up the clouds.
const holdLock = `umask 077; exec flock --wait ${waitS} ${lockFile} sh -c 'echo held; exec cat >/dev/null'`;

/** The lock is that of flock(1), a child of ours, and so ends with us however we end. timeout: another cloud holds it all the time. */
export async function oneAtATime<T>(work: () => Promise<Outcome<T>>): Promise<Outcome<T>> {
  const child = spawn('/bin/sh', ['-c', holdLock], { stdio: ['pipe', 'pipe', 'ignore'] });
  const ended = once(child, 'close');
  const isHeld = await Promise.race([once(child.stdout, 'data').then(() => true), ended.then(() => false)]);
  if (!isHeld) return fault('timeout', `another cloud of this machine has held ${lockFile} for ${waitS} s; end it and try again`);
  try {
    return await work();
  } finally {
    child.stdin.end();
    await ended;
  }
}
