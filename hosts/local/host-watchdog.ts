// The watchdog of a host of this machine: its file, which the host's HA Agent feeds
// (adapters/watchdog) and host-watchdog.sh, outside of the host, obeys.
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { watchdogText, watchdogValues } from '#platform/watchdog-file.ts';
import type { HostPaths } from './host-paths.ts';

export const watchdogFile = ({ dir }: Pick<HostPaths, 'dir'>): string => join(dir, 'watchdog');

const script = join(import.meta.dirname, 'host-watchdog.sh');

/** The command that runs the host's init below its watchdog. */
export const belowWatchdog = (host: Pick<HostPaths, 'dir'>): string[] => [
  '/bin/sh',
  script,
  watchdogFile(host),
];

/** Before a boot. One that is armed stays so, since the HA Service counts on it, from now on. */
export async function beginWatchdog(host: Pick<HostPaths, 'dir'>): Promise<void> {
  const file = watchdogFile(host);
  const { limitMs } = watchdogValues(await readFile(file, 'utf8').catch(() => '')) ?? {
    limitMs: 0,
  };
  const uptimeMs = Number((await readFile('/proc/uptime', 'utf8')).split(' ')[0]) * 1_000;
  await writeWhole(
    file,
    limitMs === 0 ? watchdogText(0, 0) : watchdogText(uptimeMs + limitMs, limitMs),
  );
}

/** For a host that is in the hands of no HA Service. Does nothing for one without a file. */
export async function disarmWatchdog(host: Pick<HostPaths, 'dir'>): Promise<void> {
  const file = watchdogFile(host);
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text !== undefined && text !== watchdogText(0, 0)) await writeWhole(file, watchdogText(0, 0));
}

async function writeWhole(file: string, text: string): Promise<void> {
  await writeFile(`${file}.new`, text, { mode: 0o600 });
  await rename(`${file}.new`, file);
}
