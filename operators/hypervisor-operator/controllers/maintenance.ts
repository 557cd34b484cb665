// Maintenance: disables the compute service and creates an Eviction that empties the host; undoes
// both when the maintenance is over. Sole owner of HypervisorDisabled and Evicting.
import type { WantedCondition } from '#contracts/kube/conditions.ts';
import { conditionOf, isTrue } from '#contracts/kube/conditions.ts';
import type { Eviction, Hypervisor, Maintenance } from '#contracts/kube/kinds.ts';
import { evictions } from '#contracts/kube/kinds.ts';
import type { Controller, ControllerDeps } from './controller.ts';
import { must, writeStatus } from './controller.ts';

const evicting: readonly Maintenance[] = ['manual', 'auto', 'termination'];

export function maintenanceController(deps: ControllerDeps): Controller {
  const { kube, world, nova } = deps;
  return {
    async reconcile(name) {
      const hypervisor = world.hypervisors.get({ name });
      if (!hypervisor || isTrue(hypervisor, 'Onboarding')) return;
      const { maintenance = '' } = hypervisor.spec;
      const { serviceId } = hypervisor.status ?? {};
      // During a maintenance of the kind `ha` the HA Service owns these conditions.
      if (serviceId === undefined || maintenance === 'ha') return;
      const isWanted = evicting.includes(maintenance);
      const disabled = isWanted
        ? await disable(nova, hypervisor, serviceId)
        : await enable(nova, hypervisor, serviceId);
      const eviction = world.evictions.get({ name });
      if (isWanted && !eviction) await evict(deps, hypervisor);
      if (!isWanted && eviction && isOurs(eviction, hypervisor))
        must(await kube.remove(evictions, { name }, uidOf(eviction)));
      await writeStatus(deps, hypervisor, isWanted ? [disabled, mirrored(eviction)] : [disabled], {
        evicted: isWanted && isEmptied(eviction),
      });
    },
  };
}

async function disable(
  nova: ControllerDeps['nova'],
  hypervisor: Hypervisor,
  serviceId: string,
): Promise<WantedCondition> {
  const reason = `Hypervisor CRD: spec.maintenance=${hypervisor.spec.maintenance}`;
  if (!isTrue(hypervisor, 'HypervisorDisabled')) must(await nova.disableService(serviceId, reason));
  return {
    type: 'HypervisorDisabled',
    status: 'True',
    reason: 'Succeeded',
    message: `Hypervisor disabled: ${reason}`,
  };
}

/**
 * Enables only a service that this controller has disabled; one disabled by somebody else in Nova
 * stays disabled.
 */
async function enable(
  nova: ControllerDeps['nova'],
  hypervisor: Hypervisor,
  serviceId: string,
): Promise<WantedCondition> {
  if (isTrue(hypervisor, 'HypervisorDisabled')) must(await nova.enableService(serviceId));
  return {
    type: 'HypervisorDisabled',
    status: 'False',
    reason: 'Succeeded',
    message: 'Hypervisor enabled',
  };
}

async function evict({ kube }: ControllerDeps, { metadata }: Hypervisor): Promise<void> {
  const { name = '', uid = '', labels } = metadata;
  must(
    await kube.apply(evictions, {
      metadata: {
        name,
        ...(labels ? { labels } : {}),
        ownerReferences: [
          { apiVersion: 'kvm.cloud.sap/v1', kind: 'Hypervisor', name, uid, controller: true },
        ],
      },
      spec: { hypervisor: name, reason: 'openstack-hypervisor-operator maintenance' },
    }),
  );
}

const isOurs = ({ metadata }: Eviction, hypervisor: Hypervisor): boolean =>
  metadata.ownerReferences?.some(({ uid }) => uid === hypervisor.metadata.uid) ?? false;

const uidOf = ({ metadata: { uid } }: Eviction) => (uid === undefined ? {} : { uid });

const isEmptied = (eviction: Eviction | undefined): boolean => {
  const condition = eviction && conditionOf(eviction, 'Evicting');
  return condition?.status === 'False' && condition.reason === 'Succeeded';
};

/** Copies the Eviction's own condition, so that a failed eviction does not look like a success. */
function mirrored(eviction: Eviction | undefined): WantedCondition {
  const condition = eviction && conditionOf(eviction, 'Evicting');
  return condition
    ? {
        type: 'Evicting',
        status: condition.status,
        reason: condition.reason,
        message: condition.message,
      }
    : { type: 'Evicting', status: 'True', reason: 'Running', message: 'The eviction begins' };
}
