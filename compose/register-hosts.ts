// Registers the hosts of this machine as Nodes, as a kubelet would. The Nodes decide which hosts
// there are; the host counts of `cobalt up` create and park Nodes. Used by embedded.ts and, for a
// single Node, by `cobalt host add` and keep-fleet.ts.
import { isFault } from '#contracts/common/fault.ts';
import type { Node } from '#contracts/kube/kinds.ts';
import { hypervisors, labels, nodes } from '#contracts/kube/kinds.ts';
import type { KubeKind, KubeObject } from '#contracts/kube/object.ts';
import type { Kube } from '#ports/kube.ts';
import type { FleetHost, HostKind } from './fleet-nodes.ts';
import {
  fitToCount,
  freeNumber,
  hostFinalizer,
  hostLabel,
  hostNamePattern,
  isParked,
  kindOf,
  mayStart,
  mostLocalHosts,
  numberAnnotation,
  numberOf,
  parkedAnnotation,
  startsDisabled,
} from './fleet-nodes.ts';

interface ConfigMap extends KubeObject {
  data?: { local?: string; simulated?: string };
}

const configMaps: KubeKind<ConfigMap> = {
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  namespaced: true,
};

const namespaces: KubeKind = {
  group: '',
  version: 'v1',
  kind: 'Namespace',
  plural: 'namespaces',
  namespaced: false,
};

/** The host counts given to `cobalt up`. */
export interface HostCounts {
  local: number;
  simulated: number;
}

/** A ConfigMap with the counts for which the Nodes were last adjusted. */
const countsRecord = { namespace: 'kube-system', name: 'cobalt-hosts' };

/**
 * Adjusts the Nodes to the counts, unless that was done for the same counts before: so hosts added
 * or removed since then stay so when the control plane restarts with unchanged options. Returns the
 * hosts that are to run. Throws where the API server refuses, which is a bug. Safe to repeat.
 */
export async function registerHosts(
  kube: Kube,
  zone: string,
  counts: HostCounts,
): Promise<FleetHost[]> {
  const data = { local: String(counts.local), simulated: String(counts.simulated) };
  const last = await kube.get(configMaps, countsRecord);
  if (isFault(last) || last.data?.local !== data.local || last.data.simulated !== data.simulated) {
    await fit(kube, zone, counts);
    // Recorded last, so that a crash in between only repeats the adjustment.
    const space = await kube.create(namespaces, { metadata: { name: countsRecord.namespace } });
    if (isFault(space) && space.kind !== 'conflict') throw new Error(space.message);
    const recording = await kube.apply(configMaps, { metadata: countsRecord, data });
    if (isFault(recording)) throw new Error(recording.message);
  }
  return await runningHosts(kube);
}

async function fit(kube: Kube, zone: string, counts: HostCounts): Promise<void> {
  const before = await allNodes(kube);
  const kinds: readonly [HostKind, number][] = [
    ['local', counts.local],
    ['simulated', counts.simulated],
  ];
  for (const [kind, count] of kinds) {
    const { add, park, unpark } = fitToCount(kind, count, before);
    for (const name of add) await registerNode(kube, { name, kind, zone, isTested: false });
    for (const name of park) await annotate(kube, name, parkedAnnotation, 'true');
    for (const name of unpark) await annotate(kube, name, parkedAnnotation, null);
  }
}

async function runningHosts(kube: Kube): Promise<FleetHost[]> {
  const remainingNodes = await allNodes(kube);
  const usedNumbers = remainingNodes.map(numberOf);
  const knownHypervisors = await kube.list(hypervisors);
  // notFound: in a fresh cloud the CRD of Hypervisor may not be established yet.
  if (isFault(knownHypervisors) && knownHypervisors.kind !== 'notFound')
    throw new Error(knownHypervisors.message);
  const running: FleetHost[] = [];
  for (const node of remainingNodes) {
    const [kind, { name = '' }] = [kindOf(node), node.metadata];
    if (!kind || !hostNamePattern.test(name)) continue; // keep-fleet.ts reports it on the Node
    const host = await numbered(kube, node, kind, usedNumbers);
    const hypervisor = isFault(knownHypervisors)
      ? undefined
      : knownHypervisors.find(({ metadata }) => metadata.name === name);
    const hasTwin = running.some((each) => each.kind === 'local' && each.number === host?.number);
    if (host && !isParked(node) && mayStart(hypervisor) && !(kind === 'local' && hasTwin))
      running.push(host);
  }
  return running;
}

async function allNodes(kube: Kube): Promise<Node[]> {
  const listed = await kube.list(nodes);
  if (isFault(listed)) throw new Error(listed.message);
  return listed;
}

/**
 * Creates the Node, or adds the labels to one of an earlier release; an operator's changes stay.
 */
export async function registerNode(
  kube: Kube,
  wanted: { name: string; kind: HostKind; zone: string; isTested: boolean },
): Promise<void> {
  const { name, kind, zone, isTested } = wanted;
  const existing = await kube.get(nodes, { name });
  const metadata = {
    labels: { [hostLabel]: kind },
    finalizers: [...new Set([...finalizersOf(existing), hostFinalizer])],
  };
  const registered = isFault(existing)
    ? await kube.create(nodes, {
        metadata: {
          ...metadata,
          name,
          labels: {
            ...metadata.labels,
            [labels.hostname]: name,
            [labels.zone]: zone,
            [labels.virtDriver]: 'kvm',
            // `skip-tests`: the host takes servers at once, without the operator's onboarding
            // tests.
            [labels.lifecycle]: isTested ? 'true' : 'skip-tests',
          },
        },
      })
    : await kube.patch(nodes, { name }, { metadata });
  if (isFault(registered)) throw new Error(`the node ${name}: ${registered.message}`);
}

const finalizersOf = (node: object): string[] =>
  'metadata' in node ? ((node as Node).metadata.finalizers ?? []) : [];

/**
 * The Node with its host number, assigned if it has none: `h3` gets 3 if that is free.
 * `usedNumbers` has the numbers of all other Nodes; the new number is added to it. undefined: none
 * is left.
 */
export async function numbered(
  kube: Kube,
  node: Node,
  kind: HostKind,
  usedNumbers: number[],
): Promise<FleetHost | undefined> {
  const { name = '' } = node.metadata;
  const host = (number: number): FleetHost => ({
    name,
    kind,
    number,
    startsDisabled: startsDisabled(node),
  });
  if (numberOf(node) > 0 || kind === 'simulated') return host(numberOf(node));
  const own = Number(/^h(\d{1,3})$/.exec(name)?.[1] ?? 0);
  const isFree = own > 0 && own <= mostLocalHosts && !usedNumbers.includes(own);
  const number = isFree ? own : freeNumber(usedNumbers);
  if (number === undefined) return undefined;
  usedNumbers.push(number);
  await annotate(kube, name, numberAnnotation, String(number));
  return host(number);
}

async function annotate(
  kube: Kube,
  name: string,
  annotation: string,
  value: string | null,
): Promise<void> {
  const patch = { metadata: { annotations: { [annotation]: value } } };
  const patched = await kube.patch(nodes, { name }, patch);
  if (isFault(patched)) throw new Error(`the node ${name}: ${patched.message}`);
}
