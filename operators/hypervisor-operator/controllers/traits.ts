// Sets the custom traits of the Hypervisor's spec on its resource provider. Traits set by others
// are kept. Sole owner of TraitsUpdated and status.traits.
import { isFault } from '#contracts/common/fault.ts';
import type { WantedCondition } from '#contracts/kube/conditions.ts';
import { conditionOf } from '#contracts/kube/conditions.ts';
import type { Hypervisor } from '#contracts/kube/kinds.ts';
import { isLeaving } from '../domain/offboarding.ts';
import type { Controller, ControllerDeps } from './controller.ts';
import { must, writeStatus } from './controller.ts';

const requeueMs = 10_000;

export function traitsController(deps: ControllerDeps): Controller {
  const { world } = deps;
  return {
    async reconcile(name) {
      const hypervisor = world.hypervisors.get({ name });
      const { lifecycleEnabled = true, customTraits = [] } = hypervisor?.spec ?? {};
      if (!hypervisor || !lifecycleEnabled || isLeaving(hypervisor)) return undefined;
      const { hypervisorId, traits: applied = [] } = hypervisor.status ?? {};
      if (hypervisorId === undefined) return requeueMs;
      const onboarding = conditionOf(hypervisor, 'Onboarding');
      if (onboarding?.status === 'True' && onboarding.reason !== 'Handover') return undefined;
      const wanted = [...new Set(customTraits)].sort();
      const writeCondition = async (condition: WantedCondition, traits: string[]) =>
        await writeStatus(deps, hypervisor, [condition], { traits });
      try {
        if (wanted.length > 0 || applied.length > 0)
          await bring(deps, hypervisorId, wanted, applied);
        await writeCondition(updated('True', 'Succeeded', 'Traits are up to date'), wanted);
      } catch (error) {
        await writeCondition(updated('False', 'Failed', (error as Error).message), applied);
        throw error;
      }
      return undefined;
    },
  };
}

/** concurrentUpdate (somebody else wrote concurrently) is thrown like any fault, and repeated. */
async function bring(
  { placement }: ControllerDeps,
  provider: string,
  wanted: readonly string[],
  applied: NonNullable<Hypervisor['status']>['traits'] & object,
): Promise<void> {
  const current = must(await placement.traits(provider));
  const remaining = current.traits.filter(
    (each) => wanted.includes(each) || !applied.includes(each),
  );
  const traits = [...new Set([...remaining, ...wanted])].sort();
  if (traits.length === current.traits.length && remaining.length === traits.length) return;
  for (const trait of wanted) {
    if (current.traits.includes(trait)) continue;
    const creation = await placement.createTrait(trait);
    if (isFault(creation)) throw new Error(`${trait}: ${creation.message}`);
  }
  must(await placement.setTraits(provider, { ...current, traits }));
}

const updated = (
  status: WantedCondition['status'],
  reason: string,
  message: string,
): WantedCondition => ({ type: 'TraitsUpdated', status, reason, message });
