// Maps Kubernetes Nodes to the hosts of this machine: a Node with the label below is one of our
// hosts, which is kept powered on for as long as the Node exists. Pure; used by the modules that
// create and follow Nodes (keep-fleet.ts, register-hosts.ts, cli/add-host.ts, cli/remove-host.ts)
// and by those that run hosts (hosts.ts, serve-agents.ts).
import { isTrue } from '#contracts/kube/conditions.ts';
import type { Hypervisor, Node } from '#contracts/kube/kinds.ts';
import { labels } from '#contracts/kube/kinds.ts';
import { localHostName, simulatedHostName } from './host-names.ts';

/** Label, `local` or `simulated`, that `cobalt up` and `cobalt host add` put on their Nodes. */
export const hostLabel = 'cobaltcore.cloud.sap/host';
/**
 * Annotation with a local host's number, from which its addresses are derived; fixed for its
 * lifetime.
 */
export const numberAnnotation = 'cobaltcore.cloud.sap/host-number';
/**
 * Annotation of hosts that `cobalt up --hosts N` with a smaller N has powered off, until N grows
 * again.
 */
export const parkedAnnotation = 'cobaltcore.cloud.sap/host-parked';
/** Finalizer: a deleted Node stays until its host has left the cloud and its files are removed. */
export const hostFinalizer = 'cobaltcore.cloud.sap/host';

export type HostKind = 'local' | 'simulated';

export interface FleetHost {
  name: string;
  kind: HostKind;
  /** From 1; unique among the local hosts. */
  number: number;
  /** Its compute service is registered as disabled, because the operator tests the host first. */
  startsDisabled: boolean;
}

/** Simulated hosts without Nodes, for a process of a distributed cloud and for simulations. */
export const simulatedFleet = (count: number, first = 1): FleetHost[] =>
  Array.from({ length: count }, (_, at) => ({
    name: simulatedHostName(first + at),
    kind: 'simulated',
    number: first + at,
    startsDisabled: false,
  }));

/** The address plan has room for this many local hosts. */
export const mostLocalHosts = 250;
/** A host's name: valid as the name of a Node, of a host and of a network namespace. */
export const hostNamePattern = /^[a-z](?:[a-z0-9-]{0,30}[a-z0-9])?$/;

/** The kind of the Node's host; undefined: the Node is not one of this machine's hosts. */
export const kindOf = ({ metadata }: Node): HostKind | undefined => {
  const kind = metadata.labels?.[hostLabel];
  return kind === 'local' || kind === 'simulated' ? kind : undefined;
};

export const isParked = ({ metadata }: Node): boolean =>
  metadata.annotations?.[parkedAnnotation] === 'true';

export const isDeleted = ({ metadata }: Node): boolean => metadata.deletionTimestamp !== undefined;

/** The host's number from the annotation; 0 if it has none yet. */
export const numberOf = ({ metadata }: Node): number => {
  const number = Number(metadata.annotations?.[numberAnnotation]);
  return Number.isInteger(number) && number > 0 && number <= mostLocalHosts ? number : 0;
};

/**
 * Whether the host's compute service starts disabled. Not for hosts that skip the tests, as those
 * of `cobalt up`: tenants may use them at once.
 */
export const startsDisabled = ({ metadata }: Node): boolean =>
  metadata.labels?.[labels.lifecycle] !== 'skip-tests';

/** The lowest number that is not taken; undefined if all are. */
export function freeNumber(usedNumbers: Iterable<number>): number | undefined {
  const numbers = new Set(usedNumbers);
  for (let number = 1; number <= mostLocalHosts; number += 1)
    if (!numbers.has(number)) return number;
  return undefined;
}

/** The first free name, e.g. `h3` or `sim0003`. */
export function freeName(kind: HostKind, usedNames: ReadonlySet<string>): string {
  const nameOf = kind === 'local' ? localHostName : simulatedHostName;
  let number = 1;
  while (usedNames.has(nameOf(number))) number += 1;
  return nameOf(number);
}

/**
 * Which Nodes to add, park and unpark so that `count` hosts of the kind run. Nodes that are being
 * deleted do not count.
 */
export function fitToCount(
  kind: HostKind,
  count: number,
  all: readonly Node[],
): { add: string[]; park: string[]; unpark: string[] } {
  const own = all
    .filter((node) => kindOf(node) === kind && !isDeleted(node))
    .sort((one, other) => orderOf(one) - orderOf(other) || (nameOf(one) < nameOf(other) ? -1 : 1));
  const names = new Set(all.filter((node) => kindOf(node) !== undefined).map(nameOf));
  const add: string[] = [];
  for (let missing = count - own.length; missing > 0; missing -= 1) {
    const name = freeName(kind, names);
    names.add(name);
    add.push(name);
  }
  return {
    add,
    park: own
      .slice(count)
      .filter((node) => !isParked(node))
      .map(nameOf),
    unpark: own.slice(0, count).filter(isParked).map(nameOf),
  };
}

const nameOf = ({ metadata: { name = '' } }: Node): string => name;
const orderOf = (node: Node): number =>
  numberOf(node) || Number(/(?<!\d)\d+$/.exec(nameOf(node))?.[0] ?? 0);

/** What keep-fleet.ts has to do about the host of a Node. */
export type HostStep =
  | { do: 'keep' }
  | { do: 'remove' }
  /** Leave the host as it is: parked, or offboarded. */
  | { do: 'nothing' }
  | { do: 'wait' };

/** Decides the step. `hypervisor`: the Node's Hypervisor resource, written by the operator. */
export function nextOfHost(node: Node, hypervisor: Hypervisor | undefined): HostStep {
  const isOffboarded = !mayStart(hypervisor);
  if (!isDeleted(node)) return isParked(node) || isOffboarded ? { do: 'nothing' } : { do: 'keep' };
  if (!isOffboarded) return { do: 'keep' };
  // While the HA Service watches the host, powering it off would look like a failure.
  return hypervisor && isTrue(hypervisor, 'HaEnabled') ? { do: 'wait' } : { do: 'remove' };
}

/**
 * Whether agents may start on the host. After offboarding they must not: they would register the
 * host in OpenStack again.
 */
export const mayStart = (hypervisor: Hypervisor | undefined): boolean =>
  hypervisor === undefined || !isTrue(hypervisor, 'Offboarded');
