// Follows what the operator does with a host, and prints each step once.
import { isFault } from '#contracts/common/fault.ts';
import { conditionOf } from '#contracts/kube/conditions.ts';
import type { Hypervisor } from '#contracts/kube/kinds.ts';
import { hypervisors } from '#contracts/kube/kinds.ts';
import { systemClock } from '#platform/clock.ts';
import type { Kube } from '#ports/kube.ts';
import { UserError } from './user-error.ts';

const lookEveryMs = 500;

/** undefined: not yet; look again. */
export type Verdict = 'reached' | { failed: string } | undefined;

/**
 * Looks until `judge` has a verdict. `told`: the condition whose words are printed as they change.
 * The hypervisor is undefined while there is none.
 */
export async function followHost(
  { kube, name, told, withinMs }: { kube: Kube; name: string; told: string; withinMs: number },
  judge: (hypervisor: Hypervisor | undefined) => Verdict | Promise<Verdict>,
): Promise<void> {
  const deadline = systemClock.monotonicMs() + withinMs;
  let printed = '';
  for (;;) {
    const found = await kube.get(hypervisors, { name });
    // a control plane that is started again answers soon
    const isAway = isFault(found) && found.kind !== 'notFound';
    const hypervisor = isFault(found) ? undefined : found;
    const condition = hypervisor && conditionOf(hypervisor, told);
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
    await systemClock.sleep(lookEveryMs);
  }
}
