// Derives the wanted Hypervisor from a Node. Pure.
import type { Hypervisor, Node } from '#contracts/kube/kinds.ts';
import { annotations, labels } from '#contracts/kube/kinds.ts';

/** Labels that are copied from the Node to its Hypervisor. */
const copied: readonly string[] = [
  labels.hostname,
  'kubernetes.metal.cloud.sap/bb',
  'kubernetes.metal.cloud.sap/cluster',
  'kubernetes.metal.cloud.sap/name',
  'kubernetes.metal.cloud.sap/type',
  'worker.garden.sapcloud.io/group',
  'worker.gardener.cloud/pool',
  labels.region,
  labels.zone,
];

const listIn = (text: string | undefined): string[] =>
  (text ?? '')
    .split(',')
    .map((each) => each.trim())
    .filter(Boolean);

export function hypervisorOf(node: Node): {
  metadata: Partial<Hypervisor['metadata']>;
  spec: Partial<Hypervisor['spec']>;
} {
  const { name = '', uid = '', labels: own = {}, annotations: notes = {} } = node.metadata;
  const copiedLabels = Object.entries(own).filter(([label]) => copied.includes(label));
  const lifecycle = own[labels.lifecycle];
  const zone = own[labels.zone];
  const aggregates = listIn(notes[annotations.aggregates]);
  const customTraits = listIn(notes[annotations.customTraits]);
  return {
    metadata: {
      name,
      labels: Object.fromEntries(copiedLabels),
      ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name, uid, blockOwnerDeletion: true }],
    },
    spec: {
      lifecycleEnabled: lifecycle !== undefined,
      skipTests: lifecycle === 'skip-tests',
      ...(aggregates.length > 0
        ? { aggregates: [...new Set([...aggregates, ...(zone ? [zone] : [])])] }
        : {}),
      ...(customTraits.length > 0 ? { customTraits } : {}),
    },
  };
}
