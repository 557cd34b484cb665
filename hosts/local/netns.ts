// Network namespaces by name, through `ip netns`. All calls are safe to repeat.
import { runTool, tryTool } from './run-tool.ts';

/**
 * Creates the namespace unless a working one exists. A name whose namespace no longer works (left
 * by a crash) is recreated.
 */
export async function ensureNetns(netns: string): Promise<void> {
  const creation = await tryTool('ip', ['netns', 'add', netns]);
  if (creation.code === 0) return;
  if ((await tryTool('ip', ['netns', 'exec', netns, 'true'])).code === 0) return;
  await tryTool('ip', ['netns', 'del', netns]);
  await runTool('ip', ['netns', 'add', netns]);
}

export async function deleteNetns(netns: string): Promise<void> {
  if ((await listNetns(netns)).includes(netns)) await runTool('ip', ['netns', 'del', netns]);
}

export async function listNetns(prefix: string): Promise<string[]> {
  const listed = await tryTool('ip', ['netns', 'list']);
  return listed.stdout
    .split('\n')
    .map((line) => line.split(' ')[0] ?? '')
    .filter((name) => name.startsWith(prefix));
}

/** The pids of all processes in the namespace, whoever started them. */
export async function netnsPids(netns: string): Promise<number[]> {
  const listed = await tryTool('ip', ['netns', 'pids', netns]);
  return listed.stdout.split('\n').filter(Boolean).map(Number);
}
