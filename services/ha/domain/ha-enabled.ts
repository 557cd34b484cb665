// Whether HA is on for a host, by its Hypervisor resource, and what HA says there. Pure.
import type { WantedCondition } from '#contracts/kube/conditions.ts';
import { conditionOf } from '#contracts/kube/conditions.ts';
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

/** All that HA says: what it does not repeat of what it has said, it takes back. */
export function haConditions(hypervisor: Hypervisor): WantedCondition[] {
  const { maintenance, maintenanceReason = '' } = hypervisor.spec;
  if (maintenance !== 'ha') return [haEnabled(hypervisor)];
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
