// Checks hosts and weights of an external scheduler request: every host needs a weight, and every
// weight a host. Error texts are the original Cortex's.
import type { Fault } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import type { ExternalHost } from '#contracts/cortex/external-scheduler.ts';

interface Frame {
  hosts: readonly ExternalHost[];
  weights: Readonly<Record<string, number>>;
}

/** The first error; undefined: hosts and weights are correct. */
export function refuseFrame({ hosts, weights }: Frame): Fault | undefined {
  const names = new Set(hosts.map(({ host }) => host));
  for (const name of names)
    if (!Object.hasOwn(weights, name)) return fault('badRequest', 'missing weight for host');
  for (const name of Object.keys(weights))
    if (!names.has(name)) return fault('badRequest', 'weight assigned to unknown host');
  return undefined;
}
