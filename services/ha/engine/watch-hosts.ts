// The engine's tasks: every process observes the heartbeats, one process acts. Level-triggered:
// each pass reads the state of every host from the database and takes its next step, so that after
// a crash the next process continues where the last one stopped.
import { isFault } from '#contracts/common/fault.ts';
import type { Task } from '#platform/tasks/tasks.ts';
import { fencedStates } from '../domain/host-state.ts';
import { forgetSelfFencing, listHeartbeats } from '../store/heartbeats.ts';
import type { StoredHeartbeat } from '../store/heartbeats.ts';
import { findHost, forgetHost, listHosts, registerHost } from '../store/hosts.ts';
import type { HostRow } from '../store/tables.ts';
import { detect } from './detect-host.ts';
import { disableHosts } from './disable-hosts.ts';
import { evacuate } from './evacuate-host.ts';
import { fence, reconsider } from './fence-host.ts';
import { bringBack, forceDown } from './force-down.ts';
import { showHaEnabled } from './hypervisor-resources.ts';
import { recoverGuests } from './recover-guests.ts';
import type { Again, StepDeps } from './step.ts';
import { forEachHost } from './step.ts';

const [pollEveryMs, registerEveryMs] = [1_000, 15_000];

/** Keeps this process's observations up to date, also while another process acts. */
export const observeHosts = ({ database, observer, metrics }: StepDeps): Task => ({
  name: 'ha.observe-hosts',
  everyMs: pollEveryMs,
  scope: 'every',
  run: async () => {
    const hosts = await listHosts(database.db);
    const fenced = fencedAmong(hosts);
    observer.observe(await listHeartbeats(database.db), fenced);
    metrics.hostsRead(hosts);
  },
});

const fencedAmong = (hosts: readonly HostRow[]): ReadonlySet<string> =>
  new Set(hosts.flatMap(({ host, state }) => (fencedStates.includes(state) ? [host] : [])));

export const recoverHosts = (deps: StepDeps): Task => ({
  name: 'ha.recover-hosts',
  everyMs: pollEveryMs,
  scope: 'one',
  run: async (signal) => await recoverOnce(deps, signal),
});

/** One pass: takes as many steps as possible now for each host. */
export async function recoverOnce(deps: StepDeps, signal?: AbortSignal): Promise<void> {
  const heartbeats = await listHeartbeats(deps.database.db);
  const hosts = await listHosts(deps.database.db);
  deps.observer.observe(heartbeats, fencedAmong(hosts));
  const byHost = new Map(heartbeats.map((each) => [each.host, each]));
  await Promise.all([
    forEachHost(
      deps,
      hosts,
      ({ host }) => host,
      async (row) => await takeOn(deps, row, byHost.get(row.host), signal),
    ),
    recoverGuests(deps, hosts, byHost),
  ]);
}

/**
 * Time that the steps for one host may take in a pass, because the pass ends only when all hosts
 * are done.
 */
const longestTurnMs = 3_000;

async function takeOn(
  deps: StepDeps,
  first: HostRow,
  heartbeat: StoredHeartbeat | undefined,
  signal?: AbortSignal,
): Promise<void> {
  const { clock, database } = deps;
  const endsMs = clock.monotonicMs() + longestTurnMs;
  for (let row: HostRow | undefined = first; row; row = await findHost(database.db, row.host)) {
    const againMs = await step(deps, row, heartbeat);
    if (againMs === undefined || clock.monotonicMs() + againMs > endsMs) return;
    if (againMs > 0) await clock.sleep(againMs, signal ? { signal } : {}).catch(() => undefined);
    if (signal?.aborted) return;
  }
}

async function step(
  deps: StepDeps,
  row: HostRow,
  heartbeat: StoredHeartbeat | undefined,
): Promise<Again> {
  switch (row.state) {
    case 'Healthy':
    case 'Suspect':
    case 'Confirming':
      return await detect(deps, row, heartbeat?.boot_id ?? null);
    case 'Fencing':
      return await fence(deps, row, heartbeat?.self_fencing_ms ?? null);
    case 'FailedToFence':
      return await reconsider(deps, row);
    case 'Fenced':
      return await forceDown(deps, row);
    case 'Evacuating':
      return await evacuate(deps, row);
    case 'Recovered':
      return await bringBack(deps, row, heartbeat);
  }
}

/** Watches the hosts that have a compute service in Nova and have sent a heartbeat. */
export const registerHosts = (deps: StepDeps): Task => ({
  name: 'ha.register-hosts',
  everyMs: registerEveryMs,
  scope: 'one',
  atStart: true,
  run: async () => await registerOnce(deps),
});

/**
 * States in which HA has not acted on a host yet, so that a host that was removed from Nova can be
 * forgotten. (Its heartbeats stop at some time, so it need not be Healthy.)
 */
const quiet: ReadonlySet<HostRow['state']> = new Set(['Healthy', 'Suspect', 'Confirming']);

export async function registerOnce(deps: StepDeps): Promise<void> {
  const { database, nova, clock, log } = deps;
  const { db } = database;
  const services = await nova.computeServices();
  if (isFault(services))
    return log.warn({ why: services.message }, 'Nova does not say which hosts there are');
  const reportingHosts = new Set((await listHeartbeats(db)).map(({ host }) => host));
  const hostRows = new Map((await listHosts(db)).map((row) => [row.host, row]));
  for (const { host, zone, id } of services) {
    const row = hostRows.get(host);
    if (reportingHosts.has(host) && (row?.zone !== zone || row.service_id !== id))
      await registerHost(db, { host, zone, serviceId: id }, clock.now());
  }
  const existing = new Set(services.map(({ host }) => host));
  for (const row of hostRows.values())
    if (!existing.has(row.host) && quiet.has(row.state)) await forgetHost(db, row);
  await disableHosts(deps, services);
  await showHaEnabled(deps, new Set(hostRows.keys()));
}

/**
 * Forgets, while HA is off, what the agents have reported of their watchdogs: these are disarmed
 * then, and when HA is on again, each agent must report its watchdog anew.
 */
export const forgetWatchdogs = ({ database }: StepDeps): Task => ({
  name: 'ha.forget-watchdogs',
  everyMs: registerEveryMs,
  scope: 'one',
  atStart: true,
  run: async () => await forgetSelfFencing(database.db),
});
