// The watchdog of a local host: a file that the host's HA Agent writes (adapters/watchdog), and
// that host-watchdog.sh, outside the host, reads to decide whether to cut the host's power.
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { watchdogText, watchdogValues } from '#platform/watchdog-file.ts';
import type { HostPaths } from './host-paths.ts';

export const watchdogFile = ({ dir }: Pick<HostPaths, 'dir'>): string => join(dir, 'watchdog');

const script = join(import.meta.dirname, 'host-watchdog.sh');

/** Wraps the command of the host's init so that it runs under its watchdog. */
export const belowWatchdog = (host: Pick<HostPaths, 'dir'>): string[] => [
  '/bin/sh',
  script,
  watchdogFile(host),
];

/**
 * Writes the watchdog's file for a boot; called before each. An armed watchdog stays armed, since
 * the HA Service relies on it; its limit counts from now.
 */
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

/**
 * Disarms the watchdog of a host that the HA Service does not watch. Does nothing if there is no
 * file.
 */
export async function disarmWatchdog(host: Pick<HostPaths, 'dir'>): Promise<void> {
  const file = watchdogFile(host);
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text !== undefined && text !== watchdogText(0, 0)) await writeWhole(file, watchdogText(0, 0));
}

async function writeWhole(file: string, text: string): Promise<void> {
  await writeFile(`${file}.new`, text, { mode: 0o600 });
  await rename(`${file}.new`, file);
}
