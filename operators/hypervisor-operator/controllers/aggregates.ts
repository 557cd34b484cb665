// Puts the host into the aggregates that the Hypervisor's spec names, and removes it from those
// that the spec no longer names. Sole owner of AggregatesUpdated and status.aggregates.
import type { WantedCondition } from '#contracts/kube/conditions.ts';
import type { Hypervisor } from '#contracts/kube/kinds.ts';
import { aggregateChanges, wantedAggregates } from '../domain/aggregates.ts';
import type { Controller, ControllerDeps } from './controller.ts';
import { must, writeStatus } from './controller.ts';

export function aggregatesController(deps: ControllerDeps): Controller {
  const { world, config } = deps;
  return {
    async reconcile(name) {
      const hypervisor = world.hypervisors.get({ name });
      const { lifecycleEnabled = true } = hypervisor?.spec ?? {};
      if (!hypervisor || !lifecycleEnabled || !hypervisor.status?.serviceId) return;
      const { names, reached } = wantedAggregates(hypervisor, config.testAggregate);
      // Always applies the same fields: server-side apply would remove a field that is left out.
      const writeCondition = async (
        condition: WantedCondition,
        aggregates = hypervisor.status?.aggregates,
      ) => await writeStatus(deps, hypervisor, [condition], aggregates ? { aggregates } : {});
      if (names === null) return await writeCondition(reached);
      const applied = (hypervisor.status.aggregates ?? []).map((each) => each.name);
      if (names.length === 0 && applied.length === 0) return await writeCondition(reached, []);
      try {
        await writeCondition(reached, await bring(deps, hypervisor, names, applied));
      } catch (error) {
        const { message } = error as Error;
        const failed = { type: 'AggregatesUpdated', status: 'False', reason: 'Failed' } as const;
        await writeCondition({ ...failed, message });
        throw error;
      }
    },
  };
}

async function bring(
  { nova }: ControllerDeps,
  { metadata: { name: host = '' } }: Hypervisor,
  names: readonly string[],
  applied: readonly string[],
) {
  const all = must(await nova.aggregates());
  const { add, remove, missing, wanted } = aggregateChanges(host, names, applied, all);
  if (missing.length > 0) throw new Error(`Nova has no aggregate named ${missing.join(', ')}`);
  for (const { id } of add) must(await nova.addToAggregate(id, host));
  for (const { id } of remove) must(await nova.removeFromAggregate(id, host));
  return wanted.map(({ name, uuid, metadata }) => ({ name, uuid, metadata }));
}
