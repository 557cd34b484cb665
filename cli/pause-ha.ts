// A host that an operator stops has not died: HA is off for it until it is started again. Who had
// switched it off before finds it so afterwards.
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Home } from '#compose/home.ts';
import type { HostDetail, HostList } from '#contracts/ha/wire.ts';
import { systemClock } from '#platform/clock.ts';
import { runningCloud } from './running-cloud.ts';

/** Says that `pauseHa` has switched it off, and in which boot of the host. */
const markOf = ({ dir }: Home, host: string): string => join(dir, `ha-paused-${host}`);

/** True: HA was on for the host, and is off now. */
export async function pauseHa(home: Home, host: string): Promise<boolean> {
  const cloud = await runningCloud(home);
  if (!cloud) return false;
  const { status, body } = await cloud.send('ha', 'GET', '/api/hypervisors');
  if (status >= 300) return false; // the cloud is a distributed one without the service
  const { enabled, hypervisors } = body as unknown as HostList; // the body of GET /api/hypervisors
  const watched = hypervisors.find((each) => each.host === host);
  if (!enabled || watched?.state !== 'Healthy' || !watched.enabled) return false;
  await writeFile(markOf(home, host), watched.bootId ?? '', { mode: 0o600 });
  await cloud.ask<HostDetail>('ha', 'POST', `/api/hypervisors/${host}`, { enabled: false });
  return true;
}

/** A host that runs is heard by then. */
const heardWithinMs = 20_000;
const lookEveryMs = 500;

/**
 * True: it was off by `pauseHa`, and is on again: as soon as the HA Agent of the new boot is heard,
 * or the host would be suspect at once.
 */
export async function resumeHa(home: Home, host: string): Promise<boolean> {
  const before = await readFile(markOf(home, host), 'utf8').catch(() => undefined);
  if (before === undefined) return false;
  const cloud = await runningCloud(home);
  if (!cloud) return false;
  const path = `/api/hypervisors/${host}`;
  const untilMs = systemClock.monotonicMs() + heardWithinMs;
  for (;;) {
    const { bootId } = await cloud.ask<HostDetail>('ha', 'GET', path);
    if (bootId !== before || systemClock.monotonicMs() > untilMs) break;
    await systemClock.sleep(lookEveryMs);
  }
  await cloud.ask<HostDetail>('ha', 'POST', path, { enabled: true });
  await rm(markOf(home, host), { force: true });
  return true;
}
