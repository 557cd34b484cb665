// A decision in full, for operators: hosts that each step removed and why, weights by step, the
// runner-up, and the cause if no host was found. Computed only on demand, except `noHost`, which
// was determined when the decision was made.
import type { Fleet } from '../fleet/fleet.ts';
import { has, membersOf } from '../fleet/host-set.ts';
import type { Pipeline } from '../pipeline/build-pipeline.ts';
import type { Decision } from '../pipeline/engine.ts';
import { Engine } from '../pipeline/engine.ts';
import type { Reason } from '../pipeline/reasons.ts';
import type { NoHost } from './no-host-cause.ts';
import { noHostCause } from './no-host-cause.ts';
import { reasonTexts } from './reason-texts.ts';
import { removedSet } from './removed-set.ts';

export interface ExplainedStep {
  step: string;
  hostsIn: number;
  hostsOut: number;
  /** One entry per reason. `hosts`: names, of many only the first ones. */
  removed: { reason: Reason; text: string; count: number; hosts: string[] }[];
}

export interface ExplainedTarget {
  host: string;
  weight: number;
  /** What each weigher has added; empty for all but the first targets. */
  byStep: Record<string, number>;
}

export interface Explanation {
  server: string;
  pipeline: string;
  hostsIn: number;
  hostsOut: number;
  steps: ExplainedStep[];
  targets: ExplainedTarget[];
  /** Compares the best two targets; undefined if there are fewer. */
  runnerUp?: { host: string; behindBy: number; mostBy: string };
  /** Why no host was found; undefined: some host was. */
  noHost?: NoHost;
  /** If no host was found: how many hosts would fit now if one filter were left out. */
  withoutFilter: { filter: string; hosts: number }[];
  skipped: readonly { step: string; message: string }[];
  notes: readonly string[];
}

const namedHosts = 20;
const namedTargets = 10;

export function explainDecision(
  fleet: Fleet,
  pipeline: Pipeline,
  decision: Decision,
  noHost?: NoHost,
): Explanation {
  const targets = explainedTargets(decision);
  const runnerUp = runnerUpOf(targets);
  return {
    server: decision.request.serverId,
    pipeline: decision.pipeline,
    hostsIn: decision.hostsIn,
    hostsOut: decision.hostsOut,
    steps: stepsOf(fleet, decision),
    targets,
    ...(runnerUp && { runnerUp }),
    ...(decision.hostsOut === 0 && { noHost: noHost ?? noHostCause(fleet, pipeline, decision) }),
    withoutFilter: decision.hostsOut === 0 ? withoutFilter(fleet, pipeline, decision) : [],
    skipped: decision.skipped,
    notes: decision.notes,
  };
}

export const explainedTargets = (decision: Decision): ExplainedTarget[] =>
  decision.targets.slice(0, namedTargets).map(({ name, weight }, index) => ({
    host: name,
    weight,
    byStep: Object.fromEntries(
      decision.stepWeights.map(({ step, weights }) => [step, weights[index] ?? 0]),
    ),
  }));

function stepsOf(fleet: Fleet, decision: Decision): ExplainedStep[] {
  const steps: ExplainedStep[] = [];
  let left = decision.hostsIn;
  for (const removal of decision.removals) {
    let last = steps.at(-1);
    if (last?.step !== removal.step) {
      last = { step: removal.step, hostsIn: left, hostsOut: left, removed: [] };
      steps.push(last);
    }
    left -= removal.hosts;
    last.hostsOut = left;
    last.removed.push({
      reason: removal.reason,
      text: reasonTexts[removal.reason].host(removal.detail),
      count: removal.hosts,
      hosts: membersOf(removedSet(decision, removal))
        .slice(0, namedHosts)
        .map((host) => fleet.names[host] ?? ''),
    });
  }
  return steps;
}

function withoutFilter(
  fleet: Fleet,
  pipeline: Pipeline,
  { removals, request }: Decision,
): Explanation['withoutFilter'] {
  const engine = new Engine(fleet);
  return [...new Set(removals.map(({ step }) => step))].flatMap((filter) => {
    const filters = pipeline.filters.filter(({ name }) => name !== filter);
    const { hostsOut } = engine.decide({ ...pipeline, filters }, request, { limit: 1 });
    return hostsOut > 0 ? [{ filter, hosts: hostsOut }] : [];
  });
}

/** By how much the second target is behind, and which weigher contributed most to that. */
export function runnerUpOf([first, second]: readonly ExplainedTarget[]): Explanation['runnerUp'] {
  if (!first || !second) return undefined;
  const gains = Object.entries(first.byStep).map(
    ([step, weight]) => [step, weight - (second.byStep[step] ?? 0)] as const,
  );
  const [mostBy] = gains.toSorted((a, b) => b[1] - a[1])[0] ?? ['the weights of the request'];
  return {
    host: second.host,
    behindBy: first.weight - second.weight,
    mostBy: first.weight === second.weight ? 'neither: they are equal' : mostBy,
  };
}

/** Answers "why not this host" in one sentence. */
export function whyNot(fleet: Fleet, decision: Decision, name: string): string {
  const host = fleet.positionOf(name);
  if (host === undefined) return `The host ${name} is not known.`;
  for (const removal of decision.removals)
    if (has(removedSet(decision, removal), host))
      return `${removal.step}: the host ${reasonTexts[removal.reason].host(removal.detail)}.`;
  const place = decision.targets.findIndex((target) => target.host === host);
  const [best] = decision.targets;
  if (place === 0) return `The host ${name} is the best.`;
  return place > 0
    ? `The host ${name} is number ${place + 1} of ${decision.hostsOut}: its weight is ${decision.targets[place]?.weight.toFixed(3)}, the best has ${best?.weight.toFixed(3)}.`
    : `The host ${name} passes all filters, and is not among the first ${decision.targets.length}.`;
}
