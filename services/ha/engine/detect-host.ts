// The steps of a host from Healthy to Fencing: missing heartbeats make it suspect, a second source
// confirms its death, and it is fenced if both agree for a while and neither this service is cut
// off nor more hosts fail than may be fenced.
import { isFault } from '#contracts/common/fault.ts';
import { refusedByCap } from '../domain/cap.ts';
import { failingStates } from '../domain/host-state.ts';
import { wantedBy } from '../domain/notification.ts';
import type { Evidence, Verdict } from '../domain/verdict.ts';
import { judge } from '../domain/verdict.ts';
import { listHosts, setReason } from '../store/hosts.ts';
import { listOpen } from '../store/notifications.ts';
import { segmentOf } from '../store/segments.ts';
import type { HostRow } from '../store/tables.ts';
import { wordCountsMs } from './answer-notifications.ts';
import { readPower } from './host-power.ts';
import { whyHaIsOff } from './hypervisor-resources.ts';
import type { Again, StepDeps } from './step.ts';
import { raise } from './step.ts';

/** Pause between two looks at a host that is about to be fenced. */
const longestPauseMs = 500;

/**
 * Evidence and verdict for a host that is Healthy, Suspect or Confirming, or could not be fenced.
 * The BMC is read only if the host already is under suspicion.
 */
export async function assessHost(
  deps: StepDeps,
  row: HostRow,
): Promise<{ evidence: Evidence; verdict: Verdict }> {
  const { observer, config } = deps;
  const isNew = row.state === 'Healthy';
  const firstEvidence = observer.evidence(row.host, { isNew, power: null });
  const verdict = judge(firstEvidence, config);
  if (verdict.kind === 'alive' || isNew) return { evidence: firstEvidence, verdict };
  const first = { ...firstEvidence, isReported: await isReportedDead(deps, row.host) };
  const answer = await readPower(deps, row.host);
  const power = answer === undefined || isFault(answer) ? null : answer;
  const evidence = { ...first, power };
  return { evidence, verdict: judge(evidence, config) };
}

export async function detect(deps: StepDeps, row: HostRow, bootId: string | null): Promise<Again> {
  const { ids } = deps;
  const { evidence, verdict } = await assessHost(deps, row);
  const whyOff = await whyLeftAlone(deps, row, verdict);
  if (row.state === 'Healthy') {
    if (verdict.kind === 'alive' || whyOff !== undefined)
      return await wait(deps, row, whyOff ?? '');
    const why = `its agent was not heard for ${seconds(evidence.agentSilentMs)}`;
    const opens = { id: ids.uuid(), boot_id: bootId };
    return await raise(deps, row, 'silent', why, timelineEvidence(evidence), { opens });
  }
  const now = deps.clock.now();
  if (verdict.kind === 'alive' || whyOff !== undefined) {
    const why = whyOff ?? 'its agent is heard again';
    return await raise(deps, row, 'heard', why, timelineEvidence(evidence), {
      incident: { ended_at_ms: now },
    });
  }
  if (row.state === 'Suspect') {
    if (verdict.kind === 'silent') return await wait(deps, row, verdict.why);
    const why = `dead by ${verdict.sources.join(' and ')}`;
    return await raise(deps, row, 'confirmed', why, timelineEvidence(evidence));
  }
  if (verdict.kind === 'silent')
    return await raise(deps, row, 'doubted', verdict.why, timelineEvidence(evidence));
  const leftMs = row.since_ms + deps.config.confirmMs - now;
  return leftMs <= 0 ? await agree(deps, row, evidence) : Math.min(leftMs, longestPauseMs);
}

/** Whether a monitor has reported the host as dead, with certainty and recently. */
async function isReportedDead({ database, clock }: StepDeps, host: string): Promise<boolean> {
  const sinceMs = clock.now() - wordCountsMs;
  return (await listOpen(database.db)).some(
    (row) =>
      row.host === host &&
      row.type === 'COMPUTE_HOST' &&
      row.created_at_ms >= sinceMs &&
      wantedBy(row.type, JSON.parse(row.payload) as object).kind === 'recover', // checked when created
  );
}

/**
 * The reason why HA must not act: HA is switched off for the host by an operator or by its
 * Hypervisor resource, its segment is disabled, or it is on maintenance there. Segment and resource
 * are read only for a host that is not alive. undefined: HA may act.
 */
async function whyLeftAlone(
  deps: StepDeps,
  { host, enabled }: HostRow,
  verdict: Verdict,
): Promise<string | undefined> {
  if (enabled === 0) return 'HA is switched off for it';
  if (verdict.kind === 'alive') return undefined;
  const of = await segmentOf(deps.database.db, host);
  if (of?.host.on_maintenance === 1) return `it is on maintenance in segment ${of.segment.name}`;
  if (of?.segment.enabled === 0) return `its segment ${of.segment.name} is disabled`;
  return await whyHaIsOff(deps, host);
}

/** Leaves the host in its state in this pass, and records the reason. */
async function wait({ database }: StepDeps, row: HostRow, reason: string): Promise<Again> {
  await setReason(database.db, row, reason);
  return undefined;
}

async function agree(deps: StepDeps, row: HostRow, evidence: Evidence): Promise<Again> {
  const { observer, nova, config, log, database, clock } = deps;
  const all = await listHosts(database.db);
  const failing = all.filter((each) => isFailing(deps, each));
  const zone = all.filter((each) => each.zone === row.zone && each.enabled === 1);
  const refusal = refusedByCap(
    {
      liveHosts: observer.liveHosts(),
      failing: failing.length,
      inZone: {
        watched: zone.length,
        failing: failing.filter((each) => each.zone === row.zone).length,
      },
    },
    config,
  );
  if (refusal !== undefined) {
    observer.noteRefusal();
    deps.metrics.fencingRefused();
    if (row.reason !== refusal) log.error({ host: row.host, why: refusal }, 'host is not fenced');
    return await wait(deps, row, refusal);
  }
  // When many hosts were cut off and return one by one, the last of them must not be mistaken for a
  // single failed host and fenced.
  if (observer.sinceRefusalMs() <= config.agentTimeoutMs)
    return await wait(deps, row, 'more hosts failed a moment ago than may; it is looked at again');
  // After fencing the servers must be evacuated, so a service that cannot reach Nova fences
  // nothing.
  const services = await nova.computeServices();
  if (isFault(services)) return await wait(deps, row, `Nova does not answer: ${services.message}`);
  return await raise(deps, row, 'agreed', row.reason, timelineEvidence(evidence), {
    incident: { fencing_since_ms: clock.now(), off_taken: 0, off_readings: 0 },
  });
}

/**
 * A suspect host counts as failing, unless a neighbour still reaches it (then only its agent
 * failed).
 */
function isFailing({ observer }: StepDeps, { host, state, enabled }: HostRow): boolean {
  if (failingStates.includes(state)) return true;
  if (state !== 'Suspect' || enabled === 0) return false;
  return observer.evidence(host, { isNew: false, power: null }).witnesses.reached === 0;
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/** The evidence in the form of a timeline entry. */
export const timelineEvidence = (evidence: Evidence) => ({
  agentSilentMs: Math.round(evidence.agentSilentMs),
  neighboursThatReachIt: evidence.witnesses.reached,
  neighboursThatDoNot: evidence.witnesses.missed,
  storageStillMs: evidence.storageStillMs === null ? null : Math.round(evidence.storageStillMs),
  power: evidence.power,
  toldByMonitor: evidence.isReported ?? false,
});
