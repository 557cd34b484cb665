// A controller that keeps this machine's hosts as the Kubernetes Nodes say: the host of a new Node
// is powered on; the host of a deleted Node is removed once the operator has offboarded it from
// OpenStack. Level-triggered, so it also completes what a crash interrupted. Used by embedded.ts.
import type { Outcome } from '#contracts/common/fault.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { WantedCondition } from '#contracts/kube/conditions.ts';
import { isSameCondition, stamped } from '#contracts/kube/conditions.ts';
import type { Hypervisor, Node } from '#contracts/kube/kinds.ts';
import { hypervisors, nodes } from '#contracts/kube/kinds.ts';
import type { Clock } from '#platform/clock.ts';
import type { Log } from '#platform/log.ts';
import { createWorkQueue } from '#platform/reconcile/work-queue.ts';
import type { Followed, Kube } from '#ports/kube.ts';
import type { FleetHost } from './fleet-nodes.ts';
import {
  hostFinalizer,
  hostLabel,
  hostNamePattern,
  kindOf,
  nextOfHost,
  numberOf,
} from './fleet-nodes.ts';
import type { HostFleet } from './hosts.ts';
import { numbered } from './register-hosts.ts';

export interface FleetKeeperDeps {
  kube: Kube;
  fleet: Pick<HostFleet, 'add' | 'has' | 'remove' | 'hosts'>;
  /** The BMCs of these hosts. */
  bmcs: { add(host: string): Promise<void>; remove(host: string): Promise<void> };
  /** Names of the hosts in the simulated network. */
  simulated: Set<string>;
  clock: Clock;
  log: Log;
}

const waitMs = 2_000;

/** Starts the controller; resolves when the Nodes are listed. */
export async function keepFleet(deps: FleetKeeperDeps): Promise<{ stop(): Promise<void> }> {
  const { kube, fleet, clock, log } = deps;
  const queue = createWorkQueue(clock, {
    work: async (name) => await reconcile(name),
    onError: (host, error) =>
      log.warn({ host, why: (error as Error).message }, 'a host is not as its node says; again'),
    concurrency: 1, // Nodes one at a time, so that no host number is assigned twice
  });
  const onTrouble = (trouble: { message: string }): void =>
    log.warn({ why: trouble.message }, 'the Kubernetes API does not answer');
  const wake = ({ metadata: { name = '' } }: { metadata: { name?: string } }): void =>
    queue.add(name);
  const world: { nodes: Followed<Node>; hypervisors: Followed<Hypervisor> } = {
    nodes: kube.follow<Node>(nodes, { labelSelector: hostLabel, onChange: wake, onTrouble }),
    hypervisors: kube.follow<Hypervisor>(hypervisors, { onChange: wake, onTrouble }),
  };
  await Promise.all([world.nodes.ready, world.hypervisors.ready]);

  async function reconcile(name: string): Promise<number | undefined> {
    const node = world.nodes.get({ name });
    const kind = node && kindOf(node);
    if (!node || !kind) return undefined;
    const next = nextOfHost(node, world.hypervisors.get({ name }));
    if (next.do === 'keep' && !fleet.has(name)) {
      const usedNumbers = [
        ...world.nodes.list().map(numberOf),
        ...fleet.hosts().map((each) => each.number),
      ];
      const host = hostNamePattern.test(name)
        ? await numbered(kube, node, kind, usedNumbers)
        : undefined;
      const refusal = whyNot(name, host, fleet.hosts());
      const addition = host && refusal === undefined ? await add(deps, host) : undefined;
      await show(deps, node, refusal ?? (isFault(addition) ? addition.message : undefined));
      return undefined;
    }
    if (next.do === 'remove') {
      await remove(deps, node, { name, kind });
      return undefined;
    }
    if (next.do === 'keep') await show(deps, node, undefined);
    return next.do === 'wait' ? waitMs : undefined;
  }

  for (const node of world.nodes.list()) wake(node);
  return {
    async stop() {
      await queue.stop();
      await Promise.all(Object.values(world).map(async (each) => await each.stop()));
    },
  };
}

/**
 * Why the Node cannot become a host, since anybody who may write Nodes can create a bad one;
 * undefined: it can.
 */
function whyNot(
  name: string,
  host: FleetHost | undefined,
  others: readonly FleetHost[],
): string | undefined {
  if (!hostNamePattern.test(name))
    return `${name} is no name of a host: it begins with a letter and has a-z, 0-9 and '-', at most 32`;
  if (!host) return 'no number is left for it';
  const twin = others.find(({ kind, number }) => kind === 'local' && number === host.number);
  return host.kind === 'local' && twin
    ? `host ${twin.name} has its number, ${host.number}, and with it its addresses`
    : undefined;
}

async function add(
  { fleet, bmcs, simulated, log }: FleetKeeperDeps,
  host: FleetHost,
): Promise<Outcome<void>> {
  if (host.kind === 'simulated') simulated.add(host.name);
  const addition = fleet.add(host);
  if (isFault(addition)) return addition;
  await bmcs.add(host.name);
  log.info({ host: host.name, kind: host.kind }, 'a host is added');
  return undefined;
}

/**
 * Removes a host. Every step is idempotent; the Node goes last, so that after a crash the removal
 * is continued.
 */
async function remove(
  { kube, fleet, bmcs, simulated, log }: FleetKeeperDeps,
  { metadata }: Node,
  host: Pick<FleetHost, 'name' | 'kind'>,
): Promise<void> {
  const { name } = host;
  // A Node with an invalid name never became a host.
  if (hostNamePattern.test(name)) {
    await bmcs.remove(name);
    const removal = await fleet.remove(host);
    if (isFault(removal)) throw new Error(removal.message);
    simulated.delete(name);
  }
  const finalizers = (metadata.finalizers ?? []).filter((each) => each !== hostFinalizer);
  const { resourceVersion } = metadata;
  const released = await kube.patch(nodes, { name }, { metadata: { resourceVersion, finalizers } });
  if (isFault(released) && released.kind !== 'notFound') throw new Error(released.message);
  log.info({ host: name }, 'a host is removed');
}

/** Shows on the Node whether its host is kept on; `trouble`: why not. */
async function show(
  { kube, clock }: Pick<FleetKeeperDeps, 'kube' | 'clock'>,
  node: Node,
  trouble: string | undefined,
): Promise<void> {
  const { name = '' } = node.metadata;
  const ready: WantedCondition =
    trouble === undefined
      ? {
          type: 'Ready',
          status: 'True',
          reason: 'HostRegistered',
          message: 'the host is kept by cobalt up',
        }
      : { type: 'Ready', status: 'False', reason: 'HostRefused', message: trouble };
  if (isSameCondition(node, ready)) return;
  const others = (node.status?.conditions ?? []).filter(({ type }) => type !== ready.type);
  const update = await kube.patch(
    nodes,
    { name },
    {
      status: {
        conditions: [...others, stamped(node, ready, clock.now())],
      },
    },
    { subresource: 'status' },
  );
  if (isFault(update) && update.kind !== 'notFound') throw new Error(update.message);
}
