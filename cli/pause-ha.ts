// Switches HA off for a host that an operator stops, so that it is not taken for dead, and on again
// when the host is started. If HA was off for the host before, it stays off.
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Home } from '#compose/home.ts';
import type { HostDetail, HostList } from '#contracts/ha/wire.ts';
import { systemClock } from '#platform/clock.ts';
import { runningCloud } from './running-cloud.ts';

/**
 * Path of the file that says that `pauseHa` has switched HA off, with the host's boot id at that
 * time.
 */
const markOf = ({ dir }: Home, host: string): string => join(dir, `ha-paused-${host}`);

/** Switches HA off for the host, if it is on and the host is Healthy; returns whether it did. */
export async function pauseHa(home: Home, host: string): Promise<boolean> {
  const cloud = await runningCloud(home);
  if (!cloud) return false;
  const { status, body } = await cloud.send('ha', 'GET', '/api/hypervisors');
  if (status >= 300) return false; // a distributed cloud without the HA Service
  const { enabled, hypervisors } = body as unknown as HostList; // body of GET /api/hypervisors
  const watched = hypervisors.find((each) => each.host === host);
  if (!enabled || watched?.state !== 'Healthy' || !watched.enabled) return false;
  await writeFile(markOf(home, host), watched.bootId ?? '', { mode: 0o600 });
  await cloud.ask<HostDetail>('ha', 'POST', `/api/hypervisors/${host}`, { enabled: false });
  return true;
}

/** How long to wait for the first heartbeat after the host's start. */
const heartbeatWithinMs = 20_000;
const pollEveryMs = 500;

/**
 * Switches HA on again if `pauseHa` has switched it off; returns whether it did. First waits for a
 * heartbeat of the new boot: without one the host would be suspect at once.
 */
export async function resumeHa(home: Home, host: string): Promise<boolean> {
  const before = await readFile(markOf(home, host), 'utf8').catch(() => undefined);
  if (before === undefined) return false;
  const cloud = await runningCloud(home);
  if (!cloud) return false;
  const path = `/api/hypervisors/${host}`;
  const untilMs = systemClock.monotonicMs() + heartbeatWithinMs;
  for (;;) {
    const { bootId } = await cloud.ask<HostDetail>('ha', 'GET', path);
    if (bootId !== before || systemClock.monotonicMs() > untilMs) break;
    await systemClock.sleep(pollEveryMs);
  }
  await cloud.ask<HostDetail>('ha', 'POST', path, { enabled: true });
  await rm(markOf(home, host), { force: true });
  return true;
}
