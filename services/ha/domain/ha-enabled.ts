// Derives from a host's Hypervisor resource whether HA is on for the host, and the conditions that
// HA writes there. Pure.
import type { WantedCondition } from '#contracts/kube/conditions.ts';
import { conditionOf, isSameCondition } from '#contracts/kube/conditions.ts';
import type { Hypervisor } from '#contracts/kube/kinds.ts';

/** The condition `HaEnabled`: True unless the resource says that HA must not act on the host. */
export function haEnabled(hypervisor: Hypervisor): WantedCondition {
  const is = (status: 'True' | 'False', reason: string, message: string): WantedCondition => ({
    type: 'HaEnabled',
    status,
    reason,
    message,
  });
  const onboarding = conditionOf(hypervisor, 'Onboarding');
  if (hypervisor.spec.highAvailability === false)
    return is('False', 'Succeeded', 'HA disabled per spec');
  if (hypervisor.status?.evicted === true)
    return is('False', 'Evicted', 'HA disabled: the hypervisor is evicted');
  if (onboarding?.status === 'True')
    return is('False', 'Onboarding', 'HA disabled: the hypervisor is onboarding');
  if (onboarding?.reason === 'Aborted')
    return is('False', 'Onboarding', 'HA disabled: the onboarding was aborted');
  return is('True', 'Succeeded', 'HA enabled');
}

/**
 * The hypervisor operator's own wording: the condition belongs to the operator whenever HA has not
 * taken it over.
 */
const hypervisorEnabled: WantedCondition = {
  type: 'HypervisorDisabled',
  status: 'False',
  reason: 'Succeeded',
  message: 'Hypervisor enabled',
};

/**
 * All conditions that HA applies (server-side apply: a condition that is no longer in the list is
 * removed). `isReturning`: the host returns to service now. Then a condition taken over from the
 * operator is written back with a value, because the API refuses a condition of which only the type
 * is left.
 */
export function haConditions(
  hypervisor: Hypervisor,
  { isReturning } = { isReturning: false },
): WantedCondition[] {
  const { maintenance, maintenanceReason = '' } = hypervisor.spec;
  if (maintenance !== 'ha')
    return isReturning || isSameCondition(hypervisor, hypervisorEnabled)
      ? [haEnabled(hypervisor), hypervisorEnabled]
      : [haEnabled(hypervisor)];
  return [
    haEnabled(hypervisor),
    {
      type: 'HypervisorDisabled',
      status: 'True',
      reason: 'Succeeded',
      message: `Hypervisor disabled: ${maintenanceReason}`,
    },
  ];
}
