// The hosts of this machine as the Nodes of Kubernetes' API say them: a marked Node is one of ours,
// kept on for as long as the Node is there. Pure.
import { isTrue } from '#contracts/kube/conditions.ts';
import type { Hypervisor, Node } from '#contracts/kube/kinds.ts';
import { labels } from '#contracts/kube/kinds.ts';
import { localHostName, simulatedHostName } from './host-names.ts';

/** `local` or `simulated`: what `cobalt up` and `cobalt host add` mark their Nodes with. */
export const hostLabel = 'cobaltcore.cloud.sap/host';
/** The number from which the addresses of a local host are derived: its own as long as it lives. */
export const numberAnnotation = 'cobaltcore.cloud.sap/host-number';
/** `cobalt up --hosts N` with a smaller N leaves the others off, until it is larger again. */
export const parkedAnnotation = 'cobaltcore.cloud.sap/host-parked';
/** A Node that is deleted stays until its host has left the cloud and its files are gone. */
export const hostFinalizer = 'cobaltcore.cloud.sap/host';

export type HostKind = 'local' | 'simulated';

export interface FleetHost {
  name: string;
  kind: HostKind;
  /** From 1, of a local host its own among them. */
  number: number;
  /** Its compute service is registered as disabled: it is tested first. */
  startsDisabled: boolean;
}

/** Simulated hosts without Nodes: of a process of a distributed cloud, and of simulations. */
export const simulatedFleet = (count: number, first = 1): FleetHost[] =>
  Array.from({ length: count }, (_, at) => ({
    name: simulatedHostName(first + at),
    kind: 'simulated',
    number: first + at,
    startsDisabled: false,
  }));

/** Addresses are given out for so many. */
export const mostLocalHosts = 250;
/** A name that every part can have: Node, host name, network namespace. */
export const hostNamePattern = /^[a-z](?:[a-z0-9-]{0,30}[a-z0-9])?$/;

export const kindOf = ({ metadata }: Node): HostKind | undefined => {
  const kind = metadata.labels?.[hostLabel];
  return kind === 'local' || kind === 'simulated' ? kind : undefined;
};

export const isParked = ({ metadata }: Node): boolean =>
  metadata.annotations?.[parkedAnnotation] === 'true';

export const isDeleted = ({ metadata }: Node): boolean => metadata.deletionTimestamp !== undefined;

/** 0: it has none yet. */
export const numberOf = ({ metadata }: Node): number => {
  const number = Number(metadata.annotations?.[numberAnnotation]);
  return Number.isInteger(number) && number > 0 && number <= mostLocalHosts ? number : 0;
};

/** Of those that begin without tests, `cobalt up`'s own, tenants may be there from the first. */
export const startsDisabled = ({ metadata }: Node): boolean =>
  metadata.labels?.[labels.lifecycle] !== 'skip-tests';

/** The lowest that none has; undefined: there is none left. */
export function freeNumber(taken: Iterable<number>): number | undefined {
  const numbers = new Set(taken);
  for (let number = 1; number <= mostLocalHosts; number += 1)
    if (!numbers.has(number)) return number;
  return undefined;
}

/** `h3` or `sim0003`: the first that is free. */
export function freeName(kind: HostKind, taken: ReadonlySet<string>): string {
  const nameOf = kind === 'local' ? localHostName : simulatedHostName;
  let number = 1;
  while (taken.has(nameOf(number))) number += 1;
  return nameOf(number);
}

/**
 * What makes `count` hosts of a kind of those that there are: Nodes that are missing, by name, and
 * those that are parked or brought back. One that is being removed is none of them.
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

/** What is to be done about the host of a Node. */
export type HostStep =
  | { do: 'keep' }
  | { do: 'remove' }
  /** It is left as it is. */
  | { do: 'nothing' }
  | { do: 'wait' };

/** `hypervisor`: as the operator has it. */
export function nextOfHost(node: Node, hypervisor: Hypervisor | undefined): HostStep {
  const isOffboarded = !mayStart(hypervisor);
  if (!isDeleted(node)) return isParked(node) || isOffboarded ? { do: 'nothing' } : { do: 'keep' };
  if (!isOffboarded) return { do: 'keep' };
  // while HA watches, a host that goes off is taken for dead
  return hypervisor && isTrue(hypervisor, 'HaEnabled') ? { do: 'wait' } : { do: 'remove' };
}

/** Whether agents may start on it: one that has left OpenStack would come back with them. */
export const mayStart = (hypervisor: Hypervisor | undefined): boolean =>
  hypervisor === undefined || !isTrue(hypervisor, 'Offboarded');
