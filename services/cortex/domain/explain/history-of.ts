// Summaries of decisions for the `History` resource. Pure.
import type { HistoryEntry, HistoryResource } from '#contracts/cortex/resources.ts';
import { stamped } from '#contracts/kube/conditions.ts';
import type { LoggedDecision } from '../decision-log.ts';
import type { Explanation } from './explain-decision.ts';
import { explainedTargets, runnerUpOf } from './explain-decision.ts';

const mostHosts = 3;
const mostEarlier = 10;

/** The summary of one decision. `hosts`: the hosts of the answer, best first. */
export function historyEntry(
  { atMs, decision, noHost }: LoggedDecision,
  hosts: readonly string[],
): HistoryEntry {
  const [best] = hosts;
  return {
    timestamp: `${new Date(atMs).toISOString().slice(0, 19)}Z`,
    pipelineRef: { name: decision.pipeline },
    intent: decision.request.intent,
    successful: best !== undefined,
    ...(best !== undefined && { targetHost: best }),
    explanation:
      best === undefined
        ? (noHost?.text ?? 'No host of the request fits.')
        : successText(decision, best),
    orderedHosts: hosts.slice(0, mostHosts),
  };
}

function successText(decision: LoggedDecision['decision'], best: string): string {
  const { hostsIn, hostsOut, notes } = decision;
  const runnerUp = runnerUpOf(explainedTargets(decision));
  return [
    `${hostsOut} of ${hostsIn} hosts fit.`,
    // The answer may start with another host than the best, if the caller cannot use the best one.
    ...(runnerUp && decision.targets[0]?.name === best ? [runnerUpText(runnerUp)] : []),
    ...notes,
  ]
    .join(' ')
    .slice(0, 4_096);
}

const runnerUpText = ({ host, behindBy, mostBy }: NonNullable<Explanation['runnerUp']>): string =>
  behindBy === 0
    ? `${host} is as good.`
    : `${host} is behind by ${behindBy.toFixed(3)}: ${mostBy}.`;

/**
 * The new status: `entries` (decisions since the last write, oldest first) put before what it held.
 */
export function historyStatus(
  before: Pick<HistoryResource, 'status'>,
  entries: readonly HistoryEntry[],
  nowMs: number,
): NonNullable<HistoryResource['status']> {
  const { current, history = [] } = before.status ?? {};
  const [newest, ...earlier] = [...entries.toReversed(), ...(current ? [current] : []), ...history];
  if (!newest) return before.status ?? {};
  const ready = newest.successful
    ? ({ status: 'True', reason: 'SchedulingSucceeded' } as const)
    : ({ status: 'False', reason: 'NoHostFound' } as const);
  const condition = { type: 'Ready', ...ready, message: newest.explanation };
  return {
    current: newest,
    history: earlier.slice(0, mostEarlier),
    conditions: [stamped(before, condition, nowMs)],
  };
}
