// Sets or clears the maintenance of a host in its Hypervisor resource, and waits until the
// Hypervisor Operator has emptied the host. Called by `cobalt evict` and `cobalt host remove`.
import { isFault } from '#contracts/common/fault.ts';
import { conditionOf } from '#contracts/kube/conditions.ts';
import { evictions, hypervisors } from '#contracts/kube/kinds.ts';
import type { Kube } from '#ports/kube.ts';
import { followHost } from './follow-host.ts';
import { answered } from './running-fleet.ts';

const evictedWithinMs = 30 * 60_000;

export async function maintain(
  kube: Kube,
  name: string,
  maintenance: '' | 'manual',
  maintenanceReason: string,
): Promise<void> {
  answered(await kube.patch(hypervisors, { name }, { spec: { maintenance, maintenanceReason } }));
}

/** Waits until the host is empty. Throws a UserError with the reason if it cannot be emptied. */
export async function awaitEvicted(kube: Kube, name: string): Promise<void> {
  await followHost(
    { kube, name, conditionType: 'Evicting', withinMs: evictedWithinMs },
    async (found) => {
      const evicting = found && conditionOf(found, 'Evicting');
      if (evicting?.status === 'False' && found?.status?.evicted === true) return 'reached';
      if (evicting?.status === 'False')
        return { failed: `Host ${name} is not emptied: ${evicting.message}` };
      // The operator retries an Eviction until its servers fit on other hosts; this command does
      // not wait for that, and ends with the reason.
      const eviction = await kube.get(evictions, { name });
      const checks = isFault(eviction)
        ? undefined
        : conditionOf(eviction, 'PreflightChecksSucceeded');
      return checks?.status === 'False' && checks.message.includes('fit nowhere')
        ? { failed: `Host ${name} is not emptied, nothing was moved: ${checks.message}` }
        : undefined;
    },
  );
}
