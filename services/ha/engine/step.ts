// Shared by the engine's steps: raising events on a host, and reading its incident.
import type { TimelineEntry } from '#contracts/ha/wire.ts';
import { FenceLost } from '#platform/fence.ts';
import type { HaEngineDeps } from '../deps.ts';
import type { HaEvent } from '../domain/host-state.ts';
import { after, transition } from '../domain/host-state.ts';
import type { StateChange } from '../store/hosts.ts';
import { changeState } from '../store/hosts.ts';
import { findIncident } from '../store/incidents.ts';
import type { HostRow, IncidentRow } from '../store/tables.ts';
import type { HaMetrics } from './ha-metrics.ts';
import { measureIncident } from './measure-incident.ts';
import type { Observer } from './observer.ts';

export interface StepDeps extends Omit<HaEngineDeps, 'metrics'> {
  observer: Observer;
  metrics: HaMetrics;
}

export type Detail = TimelineEntry['detail'];

/** Pause in ms until the next look at the host within this pass; undefined: in the next pass. */
export type Again = number | undefined;

/**
 * Applies the event to the host, if its row is unchanged. If another process has changed it,
 * nothing is written, and the next pass reads the new state. Returns 0: the host's next step may
 * follow at once.
 */
export async function raise(
  deps: StepDeps,
  row: HostRow,
  event: HaEvent,
  reason: string,
  detail: Detail,
  change: Pick<StateChange, 'opens' | 'incident'> = {},
): Promise<Again> {
  const { database, clock, log } = deps;
  const state = after(row.state, event);
  if (!state) throw new Error(`a host that is ${row.state} has no event ${event}`);
  const isChanged = await changeState(
    database.db,
    row,
    { state, reason, entry: { what: transition(row.state, state), detail }, ...change },
    clock.now(),
  );
  const facts = { host: row.host, from: row.state, to: state, why: reason, ...detail };
  if (!isChanged) return undefined;
  log[levels[event] ?? 'info'](facts, 'the HA state of a host has changed');
  await measureIncident(deps, change.opens?.id ?? row.incident_id, event);
  return 0;
}

const levels: Partial<Record<HaEvent, 'warn' | 'error'>> = {
  silent: 'warn',
  confirmed: 'warn',
  agreed: 'error',
  unfenceable: 'error',
};

/** The incident of a host whose state requires one. */
export async function incidentOf({ database }: StepDeps, row: HostRow): Promise<IncidentRow> {
  const incident =
    row.incident_id === null ? undefined : await findIncident(database.db, row.incident_id);
  if (!incident) throw new Error(`the host ${row.host} is ${row.state} and has no incident`);
  return incident;
}

/**
 * Runs `work` for all hosts concurrently. A failure for one host is logged and does not affect the
 * others, but a lost lease is thrown and ends the pass.
 */
export async function forEachHost<T>(
  { log }: Pick<StepDeps, 'log'>,
  hosts: readonly T[],
  nameOf: (host: T) => string,
  work: (host: T) => Promise<void>,
): Promise<void> {
  const results = await Promise.allSettled(hosts.map(async (host) => await work(host)));
  results.forEach((each, index) => {
    if (each.status === 'fulfilled') return;
    if (each.reason instanceof FenceLost) throw each.reason;
    const host = nameOf(hosts[index] as T); // as many as `results`
    log.error({ host, err: each.reason as Error }, 'a look at a host failed; it is repeated');
  });
}
