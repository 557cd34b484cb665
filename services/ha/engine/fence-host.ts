// Ensures and proves that no guest of a host runs: each pass climbs one rung of the fencing ladder
// and records it in the timeline. docs/adr/0028-fencing-before-evacuation.md
import { isFault } from '#contracts/common/fault.ts';
import type { LadderFacts } from '../domain/fencing.ts';
import { cutOffFor, nextRung } from '../domain/fencing.ts';
import { setReason } from '../store/hosts.ts';
import { noteIncident } from '../store/incidents.ts';
import type { HostRow, IncidentRow } from '../store/tables.ts';
import { assessHost, timelineEvidence } from './detect-host.ts';
import { readPower, switchPower } from './host-power.ts';
import type { Again, Detail, StepDeps } from './step.ts';
import { incidentOf, raise } from './step.ts';

/**
 * Added to the time in which an isolated host fences itself: covers the watchdog's own period and
 * the age of the neighbours' last sightings.
 */
const selfFencingMarginMs = 10_000;
/** Pause between two readings of the power. */
const readAgainMs = 500;

export async function fence(
  deps: StepDeps,
  row: HostRow,
  selfFencingMs: number | null,
): Promise<Again> {
  const incident = await incidentOf(deps, row);
  const facts = await gather(deps, row, incident, selfFencingMs);
  const { fencingVerifications, bmcGiveUpMs, storageTimeoutMs } = deps.config;
  const step = nextRung(facts, {
    verifications: fencingVerifications,
    bmcGiveUpMs,
    selfFencingMarginMs,
    seenWithinMs: storageTimeoutMs,
  });
  const afterMs = deps.clock.now() - (incident.fencing_since_ms ?? incident.began_at_ms);
  switch (step.do) {
    case 'powerOff':
      await cutPower(deps, row, incident);
      return readAgainMs;
    case 'wait':
      await setReason(deps.database.db, row, step.why);
      return facts.power === 'Off' ? readAgainMs : undefined;
    case 'fenced':
      return await raise(deps, row, 'fenced', `fenced by ${step.by}`, { by: step.by, afterMs });
    case 'fail':
      return await raise(deps, row, 'unfenceable', step.why, { why: step.why, afterMs });
  }
}

async function gather(
  deps: StepDeps,
  { host }: HostRow,
  incident: IncidentRow,
  selfFencingMs: number | null,
): Promise<LadderFacts> {
  const { database, clock, observer } = deps;
  const answer = await readPower(deps, host);
  const now = clock.now();
  const power = answer === undefined ? undefined : isFault(answer) ? null : answer;
  const offTaken = incident.off_taken === 1;
  const offReadings = power === 'Off' && offTaken ? incident.off_readings + 1 : 0;
  const silentSinceMs = power === null ? (incident.bmc_silent_since_ms ?? now) : null;
  const isNewlySilent = silentSinceMs !== null && incident.bmc_silent_since_ms === null;
  const change = { off_readings: offReadings, bmc_silent_since_ms: silentSinceMs };
  const entry = { atMs: now, ...toldPower(answer) };
  const isNews = isNewlySilent || offReadings !== incident.off_readings;
  if (isNews || silentSinceMs !== incident.bmc_silent_since_ms)
    await noteIncident(database.db, incident.id, change, isNews ? entry : undefined);
  const evidence = observer.evidence(host, { isNew: false, power: null });
  return {
    power,
    offTaken,
    fencingMs: now - (incident.fencing_since_ms ?? incident.began_at_ms),
    offReadings,
    bmcSilentMs: silentSinceMs === null ? 0 : now - silentSinceMs,
    cutOffMs: cutOffFor(evidence.agentSilentMs, evidence.unreachedMs, evidence.storageStillMs),
    selfFencingMs,
  };
}

const toldPower = (answer: unknown): { what: string; detail: Detail } => ({
  what: 'power read',
  detail: isFault(answer)
    ? { fault: answer.kind, message: answer.message }
    : { power: String(answer) },
});

/**
 * The order is recorded before it is sent: a process that has lost its lease fails at this write,
 * and does not cut the power. Readings of off count only after the BMC has accepted the order,
 * since an order that was refused does not keep the chassis off.
 */
async function cutPower(deps: StepDeps, { host }: HostRow, { id }: IncidentRow): Promise<void> {
  const { database, clock, log } = deps;
  const { db } = database;
  const before = { off_taken: 0, off_readings: 0 };
  await noteIncident(db, id, before, { atMs: clock.now(), what: 'power off ordered', detail: {} });
  const startedAt = clock.monotonicMs();
  const answer = await switchPower(deps, host, 'ForceOff');
  const ms = Math.round(clock.monotonicMs() - startedAt);
  const detail: Detail = isFault(answer)
    ? { ms, fault: answer.kind, message: answer.message }
    : { ms };
  log.warn({ host, ...detail }, 'a host was ordered to power off');
  const columns = { off_taken: isFault(answer) ? 0 : 1 };
  await noteIncident(db, id, columns, { atMs: clock.now(), what: 'power off answered', detail });
}

/**
 * Decides how a host goes on that could not be fenced: it becomes Healthy if its heartbeats arrive
 * again; otherwise fencing is retried after `fencingRetryMs`.
 */
export async function reconsider(deps: StepDeps, row: HostRow): Promise<Again> {
  const { evidence, verdict } = await assessHost(deps, row);
  const now = deps.clock.now();
  if (verdict.kind === 'alive') {
    const incident = { ended_at_ms: now };
    return await raise(deps, row, 'heard', 'its agent is heard again', timelineEvidence(evidence), {
      incident,
    });
  }
  if (verdict.kind === 'dead' && now - row.since_ms >= deps.config.fencingRetryMs) {
    return await raise(deps, row, 'retried', row.reason, timelineEvidence(evidence), {
      incident: { fencing_since_ms: now, off_taken: 0, off_readings: 0 },
    });
  }
  return undefined;
}
