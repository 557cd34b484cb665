// Taints the Node of a hypervisor that is being terminated, once its servers are gone, so that the
// pods of its agents are evicted as well. Sole owner of AgentPodsEvicted.
import type { WantedCondition } from '#contracts/kube/conditions.ts';
import type { Node, Pod } from '#contracts/kube/kinds.ts';
import { nodes, offboardingTaint, pods } from '#contracts/kube/kinds.ts';
import { isEvicted, isLeaving, stillRunning } from '../domain/offboarding.ts';
import type { Controller, ControllerDeps } from './controller.ts';
import { must, writeStatus } from './controller.ts';

const requeueMs = 2_000;
const shown = 3;

export function nodeLifecycleController(deps: ControllerDeps): Controller {
  const { kube, world, config } = deps;
  return {
    async reconcile(name) {
      const hypervisor = world.hypervisors.get({ name });
      if (!hypervisor || !isLeaving(hypervisor) || !isEvicted(hypervisor)) return undefined;
      const node = world.nodes.get({ name });
      if (node && !isTainted(node)) {
        const { resourceVersion } = node.metadata;
        const taints = [...(node.spec?.taints ?? []), offboardingTaint];
        // With resourceVersion as precondition: the patch replaces the whole list of taints, and
        // must not lose a taint that was added concurrently.
        must(
          await kube.patch(nodes, { name }, { metadata: { resourceVersion }, spec: { taints } }),
        );
      }
      const running: Pod[] = [];
      for (const namespace of config.agentNamespaces)
        running.push(
          ...stillRunning(
            must(await kube.list(pods, { namespace, fieldSelector: `spec.nodeName=${name}` })),
          ),
        );
      await writeStatus(deps, hypervisor, [agentPods(running)]);
      return running.length > 0 ? requeueMs : undefined;
    },
  };
}

const isTainted = ({ spec }: Node): boolean =>
  spec?.taints?.some(({ key }) => key === offboardingTaint.key) ?? false;

function agentPods(running: readonly Pod[]): WantedCondition {
  const type = 'AgentPodsEvicted';
  if (running.length === 0)
    return {
      type,
      status: 'True',
      reason: 'NoAgentPods',
      message: 'No agent pod runs on the node',
    };
  const names = running
    .slice(0, shown)
    .map(({ metadata: { namespace, name } }) => `${namespace}/${name}`);
  return {
    type,
    status: 'False',
    reason: 'AgentPodsRunning',
    message: `${running.length} agent pod(s) still running on node: ${names.join(', ')}${running.length > shown ? ', ...' : ''}`,
  };
}
