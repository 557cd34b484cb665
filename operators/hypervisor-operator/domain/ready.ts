// Whether a hypervisor is ready for virtual machines, derived from all other conditions: the first
// condition that speaks against it is the reason. Pure.
import type { WantedCondition } from '#contracts/kube/conditions.ts';
import { conditionOf, isFalse, isTrue } from '#contracts/kube/conditions.ts';
import type { Hypervisor } from '#contracts/kube/kinds.ts';

export function readyCondition(hypervisor: Hypervisor): WantedCondition {
  const not = (reason: string, message: string): WantedCondition => ({
    type: 'Ready',
    status: 'False',
    reason,
    message,
  });
  const { maintenance = '', maintenanceReason, lifecycleEnabled = true } = hypervisor.spec;
  const onboarding = conditionOf(hypervisor, 'Onboarding');
  if (isTrue(hypervisor, 'Offboarded')) return not('Offboarded', 'The hypervisor is offboarded');
  if (isTrue(hypervisor, 'Terminating')) return not('Terminating', 'The node is being terminated');
  if (onboarding?.status === 'True')
    return not('Onboarding', `Onboarding in progress: ${onboarding.message}`);
  if (maintenance !== '') {
    const why = maintenanceReason ? ` (${maintenanceReason})` : '';
    if (isTrue(hypervisor, 'Evicting'))
      return not('Evicting', `Maintenance ${maintenance}${why}: virtual machines are being moved`);
    if (isFalse(hypervisor, 'Evicting') && hypervisor.status?.evicted === true)
      return not('Evicted', `Maintenance ${maintenance}${why}: no virtual machine is left`);
    return not('Maintenance', `Maintenance ${maintenance}${why}`);
  }
  if (!onboarding)
    return not(
      'Onboarding',
      !lifecycleEnabled
        ? 'Onboarding not started: the lifecycle is not enabled'
        : hypervisor.status?.hypervisorId === undefined
          ? 'Waiting for nova-compute to register the hypervisor'
          : 'Onboarding not started',
    );
  if (onboarding.reason !== 'Succeeded')
    return not(onboarding.reason, `Onboarding ended: ${onboarding.message}`);
  // Set by the node agent; on a host without one this condition is missing and ignored.
  const libvirt = conditionOf(hypervisor, 'LibVirtConnection');
  if (libvirt?.status === 'False') return not(libvirt.reason, libvirt.message);
  return { type: 'Ready', status: 'True', reason: 'Ready', message: 'Hypervisor is ready' };
}
