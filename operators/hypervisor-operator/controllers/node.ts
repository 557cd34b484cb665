// Creates and updates the Hypervisor for each Node that runs virtual machines: same name, with the
// node's labels and the settings of its annotations.
import type { Hypervisor, Node } from '#contracts/kube/kinds.ts';
import { hypervisors, labels } from '#contracts/kube/kinds.ts';
import { hypervisorOf } from '../domain/hypervisor-of-node.ts';
import type { Controller, ControllerDeps } from './controller.ts';
import { must, writeStatus } from './controller.ts';

export function nodeController(deps: ControllerDeps): Controller {
  const { kube, world } = deps;
  return {
    async reconcile(name) {
      const node = world.nodes.get({ name });
      if (!node || node.metadata.labels?.[labels.virtDriver] === undefined) return;
      const { metadata, spec } = hypervisorOf(node);
      const existing = world.hypervisors.get({ name });
      if (!existing) {
        // create, not apply: the fields of `ofNewOnes` are set only once, and later applies without
        // them must not remove them.
        must(await kube.create(hypervisors, { metadata, spec: { ...spec, ...ofNewOnes(node) } }));
        return;
      }
      const hypervisor = await brought(deps, existing, node, { metadata, spec });
      await writeStatus(deps, hypervisor, terminating(node), addressOf(node));
    },
  };
}

type WantedHypervisor = ReturnType<typeof hypervisorOf>;

/**
 * Updates an existing Hypervisor. One under termination is left alone, since its spec is immutable.
 */
async function brought(
  { kube }: ControllerDeps,
  existing: Hypervisor,
  node: Node,
  wanted: WantedHypervisor,
): Promise<Hypervisor> {
  if (existing.spec.maintenance === 'termination') return existing;
  if (isTerminating(node)) {
    const { name = '' } = node.metadata;
    const spec = { maintenance: 'termination' };
    return must(await kube.patch(hypervisors, { name }, { spec }));
  }
  return fits(existing, wanted) ? existing : must(await kube.apply(hypervisors, { ...wanted }));
}

/** Initial values, which an operator may change later. */
const ofNewOnes = (node: Node): Partial<Hypervisor['spec']> => ({
  highAvailability: true,
  installCertificate: true,
  ...(isTerminating(node) ? { maintenance: 'termination' as const } : {}),
});

/** Whether the resource already has all wanted values, so that nothing has to be written. */
function fits(hypervisor: Hypervisor, wanted: WantedHypervisor): boolean {
  const has = (holder: object | undefined, fields: object | undefined): boolean =>
    Object.entries(fields ?? {}).every(
      ([field, value]) =>
        JSON.stringify((holder as Record<string, unknown> | undefined)?.[field]) ===
        JSON.stringify(value),
    );
  return (
    has(hypervisor.metadata.labels, wanted.metadata.labels) &&
    has(hypervisor.spec, wanted.spec) &&
    hypervisor.metadata.ownerReferences?.[0]?.uid === wanted.metadata.ownerReferences?.[0]?.uid
  );
}

const isTerminating = ({ metadata, status }: Node): boolean =>
  metadata.deletionTimestamp !== undefined ||
  (status?.conditions ?? []).some(
    (condition) => condition.type === 'Terminating' && condition.status === 'True',
  );

const terminating = (node: Node) =>
  isTerminating(node)
    ? [
        {
          type: 'Terminating',
          status: 'True' as const,
          reason: 'Terminating',
          message: 'The node is being terminated',
        },
      ]
    : [];

function addressOf({ status }: Node): { internalIp?: string } {
  const address = status?.addresses?.find(({ type }) => type === 'InternalIP')?.address;
  return address === undefined ? {} : { internalIp: address };
}
