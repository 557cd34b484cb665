// For tests with real daemons: whether this machine has the programs they need, and whether a
// daemon listens.
import { access } from 'node:fs/promises';
import net from 'node:net';

/** The first of the paths that does not exist, as a reason to skip; null if all exist. */
export async function whatIsMissing(paths: readonly string[]): Promise<string | null> {
  for (const each of paths)
    if (
      !(await access(each).then(
        () => true,
        () => false,
      ))
    )
      return `${each} is not there`;
  return null;
}

/** Whether a process listens on this Unix socket. */
export function answersAt(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(socketPath);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
