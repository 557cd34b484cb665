// Runs a tool on a host, with a deadline. The host's command prefix (`nsenter …`; empty on a real
// node) enters its namespaces.
import { failureOf, runChild } from '#platform/child-process.ts';

export class HostToolFailed extends Error {
  override readonly name = 'HostToolFailed';
}

const limits = { timeoutMs: 10_000, maxOutputBytes: 4 * 1024 * 1024 };

export type Enter = readonly string[];

/** Runs the command on the host; returns its standard output. Throws HostToolFailed. */
export async function runOnHost(enter: Enter, command: readonly string[]): Promise<string> {
  const end = await runChild([...enter, ...command], { ...limits, cwd: '/' });
  const failure = failureOf(end, limits);
  if (failure === undefined) return end.stdout;
  throw new HostToolFailed(`${command.join(' ')}: ${failure}`, { cause: end.startError });
}
