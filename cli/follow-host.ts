// Follows the operator's work on a host and prints each step once. For the commands on hosts.
import { isFault } from '#contracts/common/fault.ts';
import { conditionOf } from '#contracts/kube/conditions.ts';
import type { Hypervisor } from '#contracts/kube/kinds.ts';
import { hypervisors } from '#contracts/kube/kinds.ts';
import { systemClock } from '#platform/clock.ts';
import type { Kube } from '#ports/kube.ts';
import { UserError } from './user-error.ts';

const pollEveryMs = 500;

/**
 * Whether the host has reached the awaited state, or why it will not; undefined: no decision yet.
 */
export type Verdict = 'reached' | { failed: string } | undefined;

/**
 * Polls the host's Hypervisor resource until `judge` returns a verdict. `conditionType`: the
 * condition whose message is printed whenever it changes. `judge` gets undefined while there is no
 * Hypervisor.
 */
export async function followHost(
  {
    kube,
    name,
    conditionType,
    withinMs,
  }: { kube: Kube; name: string; conditionType: string; withinMs: number },
  judge: (hypervisor: Hypervisor | undefined) => Verdict | Promise<Verdict>,
): Promise<void> {
  const deadline = systemClock.monotonicMs() + withinMs;
  let printed = '';
  for (;;) {
    const found = await kube.get(hypervisors, { name });
    // Other faults: the control plane is restarting and will answer soon.
    const isAway = isFault(found) && found.kind !== 'notFound';
    const hypervisor = isFault(found) ? undefined : found;
    const condition = hypervisor && conditionOf(hypervisor, conditionType);
    const words = condition?.message ?? '';
    if (words !== printed && words !== '') process.stdout.write(`  · ${words}\n`);
    if (words !== '') printed = words;
    const verdict = isAway ? undefined : await judge(hypervisor);
    if (verdict === 'reached') return;
    if (verdict) throw new UserError(verdict.failed);
    if (systemClock.monotonicMs() > deadline)
      throw new UserError(
        `Not finished after ${withinMs / 1000} s; it goes on by itself. See: kubectl describe hv ${name}`,
      );
    await systemClock.sleep(pollEveryMs);
  }
}
