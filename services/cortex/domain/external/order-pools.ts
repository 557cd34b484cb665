// Cinder's hosts sorted by the weights that Cinder sent. Its pipeline has no steps, as in the
// original Cortex.
import type { CinderExternalRequest } from '#contracts/cortex/external-scheduler.ts';

export const orderPools = ({
  hosts,
  weights,
  options,
}: Pick<CinderExternalRequest, 'hosts' | 'weights' | 'options'>): string[] =>
  [...new Set(hosts.map(({ host }) => host))]
    .sort((a, b) => (weights[b] ?? 0) - (weights[a] ?? 0) || (a < b ? -1 : 1))
    .slice(0, options?.max_candidates ?? hosts.length);
