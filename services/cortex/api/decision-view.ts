// An explained decision as the API shows it.
import type { Json } from '#contracts/common/json.ts';
import type { Explanation } from '../domain/explain/explain-decision.ts';

export const explanationView = (explanation: Explanation): { [key: string]: Json } => ({
  pipeline: explanation.pipeline,
  hosts_in: explanation.hostsIn,
  hosts_out: explanation.hostsOut,
  steps: explanation.steps.map(({ step, hostsIn, hostsOut, removed }) => ({
    step,
    hosts_in: hostsIn,
    hosts_out: hostsOut,
    removed: removed.map((one) => ({ ...one })),
  })),
  targets: explanation.targets.map(({ host, weight, byStep }) => ({
    host,
    weight,
    weight_by_step: { ...byStep },
  })),
  runner_up: explanation.runnerUp
    ? {
        host: explanation.runnerUp.host,
        behind_by: explanation.runnerUp.behindBy,
        mostly_by: explanation.runnerUp.mostBy,
      }
    : null,
  no_host: explanation.noHost ? { ...explanation.noHost } : null,
  hosts_without_filter: Object.fromEntries(
    explanation.withoutFilter.map(({ filter, hosts }) => [filter, hosts]),
  ),
  skipped_steps: explanation.skipped.map((one) => ({ ...one })),
  notes: [...explanation.notes],
});
