// Whether a hypervisor may be offboarded, according to its conditions. Pure.
import { conditionOf, isFalse, isTrue } from '#contracts/kube/conditions.ts';
import type { Hypervisor, Pod } from '#contracts/kube/kinds.ts';
import { offboardingTaint } from '#contracts/kube/kinds.ts';

export const isLeaving = ({ spec }: Hypervisor): boolean =>
  spec.maintenance === 'termination' && spec.lifecycleEnabled !== false;

/**
 * Whether the host was evicted, or never registered in Nova. Only a successful eviction counts: a
 * failed one leaves servers on the host.
 */
export function isEvicted(hypervisor: Hypervisor): boolean {
  if (hypervisor.status?.serviceId === undefined) return true; // never registered in Nova
  return isFalse(hypervisor, 'Evicting') && hypervisor.status.evicted === true;
}

/**
 * The first unmet precondition for offboarding; undefined: the host can be removed from OpenStack.
 */
export function waitsFor(hypervisor: Hypervisor): string | undefined {
  if (isTrue(hypervisor, 'Onboarding')) return 'Waiting until onboarding is aborted';
  if (!isEvicted(hypervisor)) {
    const evicting = conditionOf(hypervisor, 'Evicting');
    return evicting?.status === 'False'
      ? `The eviction ended without emptying the host: ${evicting.message}`
      : `Waiting for the eviction: ${evicting?.message ?? 'it begins'}`;
  }
  if (isTrue(hypervisor, 'AgentPodsEvicted')) return undefined;
  const pods = conditionOf(hypervisor, 'AgentPodsEvicted');
  return `Waiting for the pods of the agents: ${pods?.message ?? 'they are looked for'}`;
}

/** Pods that the taint of a leaving node evicts, and that have not terminated yet. */
export const stillRunning = (pods: readonly Pod[]): Pod[] =>
  pods.filter(
    ({ spec, status }) =>
      status?.phase !== 'Succeeded' &&
      status?.phase !== 'Failed' &&
      !(spec?.tolerations ?? []).some(
        ({ key, operator, value = '', effect = '', tolerationSeconds }) =>
          tolerationSeconds === undefined &&
          (effect === '' || effect === offboardingTaint.effect) &&
          (operator === 'Exists'
            ? key === undefined || key === offboardingTaint.key
            : key === offboardingTaint.key && value === ''),
      ),
  );
