// Shows whether somebody has edited the Hypervisor with kubectl, according to its managedFields.
// Sole owner of Tainted.
import type { WantedCondition } from '#contracts/kube/conditions.ts';
import type { Hypervisor } from '#contracts/kube/kinds.ts';
import type { Controller, ControllerDeps } from './controller.ts';
import { writeStatus } from './controller.ts';

export function taintedController(deps: ControllerDeps): Controller {
  return {
    async reconcile(name) {
      const hypervisor = deps.world.hypervisors.get({ name });
      if (hypervisor) await writeStatus(deps, hypervisor, [tainted(hypervisor)]);
    },
  };
}

/** The column TAINT shows the messages, which are those of the original operator. */
function tainted({ metadata: { managedFields = [] } }: Hypervisor): WantedCondition {
  const isEdited = managedFields.some(({ manager = '' }) => manager.startsWith('kubectl'));
  return isEdited
    ? { type: 'Tainted', status: 'True', reason: 'Kubectl', message: '⚠️' }
    : { type: 'Tainted', status: 'False', reason: 'NoKubectl', message: '🟢' };
}
