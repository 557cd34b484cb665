// Whether HA is on for a host, by its Hypervisor resource, and what HA says there. Pure.
import type { WantedCondition } from '#contracts/kube/conditions.ts';
import { conditionOf, isSameCondition } from '#contracts/kube/conditions.ts';
import type { Hypervisor } from '#contracts/kube/kinds.ts';

/** Of the condition `HaEnabled`: True unless the host is to be left alone. */
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

/** In the operator's words, whose condition it is at other times. */
const hypervisorEnabled: WantedCondition = {
  type: 'HypervisorDisabled',
  status: 'False',
  reason: 'Succeeded',
  message: 'Hypervisor enabled',
};

/**
 * All that HA says: what it does not repeat of what it has said, it takes back. `isReturning`: the
 * host is given back now. A condition that HA took over from the operator it hands back with a
 * value: what it merely took back would be left with its type alone, which the API refuses.
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
