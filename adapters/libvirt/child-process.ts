// Runs a tool (qemu-img, mkfs.ext4, mkswap) with a deadline, for the files of guests and volumes.
import { bound, failureOf, runChild } from '#platform/child-process.ts';

/** The tool is missing, failed, or took too long. `message` holds the end of its output. */
export class ChildFailed extends Error {
  override readonly name = 'ChildFailed';
}

/**
 * Returns the tool's standard output. Throws ChildFailed. The tool is killed together with this
 * process, so that the next process does not find an image locked.
 */
export async function runTool(command: string, args: string[], timeoutMs: number): Promise<string> {
  const end = await runChild(bound([command, ...args]), { timeoutMs });
  const failure = failureOf(end, { timeoutMs });
  if (failure === undefined) return end.stdout;
  throw new ChildFailed(`${command} ${args[0] ?? ''}: ${failure}`, { cause: end.startError });
}
