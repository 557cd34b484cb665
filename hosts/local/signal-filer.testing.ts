// Sends signals to the NFS server of a local filer, from outside its namespaces. For tests of a
// filer that dies or hangs.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runTool } from './run-tool.ts';

/**
 * Sends the signal. `dir`: the filer's folder (`filerPaths`). After KILL, the filer's init starts
 * another server within seconds.
 */
export async function signalFiler(dir: string, signal: 'KILL' | 'STOP' | 'CONT'): Promise<void> {
  const [, init = ''] = readFileSync(join(dir, 'init.pid'), 'utf8').split(' ');
  const server = readFileSync(join(dir, 'run/ganesha.pid'), 'utf8').trim();
  await runTool('nsenter', ['-t', init, '-m', '-p', '/bin/kill', `-${signal}`, server]);
}
