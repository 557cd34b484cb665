// Cinder's hosts in the order of their weights. Its pipeline has no steps, as the original's has
// none: the weights are Cinder's own.
import type { CinderExternalRequest } from '#contracts/cortex/external-scheduler.ts';

export const orderPools = ({
  hosts,
  weights,
  options,
}: Pick<CinderExternalRequest, 'hosts' | 'weights' | 'options'>): string[] =>
  [...new Set(hosts.map(({ host }) => host))]
    .sort((a, b) => (weights[b] ?? 0) - (weights[a] ?? 0) || (a < b ? -1 : 1))
    .slice(0, options?.max_candidates ?? hosts.length);
