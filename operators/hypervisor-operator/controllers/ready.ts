// Computes the condition Ready, of which it is the sole owner.
import { readyCondition } from '../domain/ready.ts';
import type { Controller, ControllerDeps } from './controller.ts';
import { writeStatus } from './controller.ts';

export function readyController(deps: ControllerDeps): Controller {
  return {
    async reconcile(name) {
      const hypervisor = deps.world.hypervisors.get({ name });
      if (hypervisor) await writeStatus(deps, hypervisor, [readyCondition(hypervisor)]);
    },
  };
}
