// The single cause for which no host was found. Runs the filters again in the order of
// filters/table.ts (permanent properties of a host before its free capacity), whatever order the
// pipeline has. The filter that removes the last hosts is the cause: those hosts meet all other
// demands.
import { filters } from '../filters/table.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { HostSet } from '../fleet/host-set.ts';
import type { Pipeline } from '../pipeline/build-pipeline.ts';
import type { Decision } from '../pipeline/engine.ts';
import { Engine } from '../pipeline/engine.ts';
import type { Reason } from '../pipeline/reasons.ts';
import type { CapacityFigures } from './capacity-figures.ts';
import { amountText, capacityFigures, sizeText } from './capacity-figures.ts';
import { reasonTexts, resourceName } from './reason-texts.ts';
import { removedSet } from './removed-set.ts';

export const allCauses = [
  'noHosts',
  'zone',
  'namedHost',
  'aggregate',
  'excluded',
  'reservedForOthers',
  'image',
  'capability',
  'trait',
  'accelerator',
  'liveMigration',
  'hostsUnavailable',
  'affinity',
  'antiAffinity',
  'capacity',
  'tooLarge',
  'fragmentation',
  'reservations',
  'topology',
  'quota',
  'stepFailed',
] as const;
export type NoHostCause = (typeof allCauses)[number];

/** For `capacity`, capacityCause distinguishes further. */
const causeOf: Readonly<Record<Exclude<Reason, 'capacity'>, NoHostCause>> = {
  unknownHost: 'namedHost',
  notPreselected: 'namedHost',
  stepFailed: 'stepFailed',
  ignored: 'excluded',
  notForced: 'namedHost',
  notDestination: 'namedHost',
  notInAggregates: 'aggregate',
  inForbiddenAggregate: 'aggregate',
  excluded: 'excluded',
  otherZone: 'zone',
  notForExternalCustomers: 'reservedForOthers',
  projectNotAllowed: 'reservedForOthers',
  notATenantOfItsAggregate: 'reservedForOthers',
  hypervisorType: 'image',
  imageArchitecture: 'image',
  firmware: 'image',
  secureBoot: 'image',
  capability: 'capability',
  traitMissing: 'trait',
  traitForbidden: 'trait',
  noAccelerators: 'accelerator',
  otherArchitecture: 'liveMigration',
  lessThanTheSource: 'liveMigration',
  notReady: 'hostsUnavailable',
  disabled: 'hostsUnavailable',
  terminating: 'hostsUnavailable',
  affinity: 'affinity',
  antiAffinity: 'antiAffinity',
  maxUnit: 'tooLarge',
  numa: 'topology',
  hugePages: 'topology',
  quota: 'quota',
};

export interface NoHost {
  cause: NoHostCause;
  /** The text that the tenant sees: it contains no names of hosts or filters. */
  text: string;
}

const order = new Map(filters.map(({ name }, index) => [name, index]));

export function noHostCause(fleet: Fleet, pipeline: Pipeline, decision: Decision): NoHost {
  if (fleet.hostCount === 0) return { cause: 'noHosts', text: 'The cloud has no hosts.' };
  const ordered = {
    ...pipeline,
    filters: pipeline.filters.toSorted(
      (a, b) => (order.get(a.name) ?? 0) - (order.get(b.name) ?? 0),
    ),
  };
  const again = new Engine(fleet).decide(ordered, decision.request, { limit: 1 });
  // If the repetition leaves hosts, the first run had none only because of the preselection, or the
  // fleet has changed meanwhile. Then the last removal of the original decision counts.
  const { step } = again.hostsOut === 0 ? (again.removals.at(-1) ?? noStep) : noStep;
  const removals = (again.hostsOut === 0 ? again : decision).removals;
  const ofStep = step === '' ? removals.slice(-1) : removals.filter((one) => one.step === step);
  const last = ofStep.toSorted((a, b) => b.hosts - a.hosts)[0];
  if (!last) return { cause: 'noHosts', text: 'No host is known.' };
  if (ofStep.some(({ reason }) => reason === 'capacity' || reason === 'maxUnit'))
    return capacityCause(
      fleet,
      again,
      ofStep.map((one) => removedSet(again, one)),
    );
  // `capacity` was handled above
  const cause = causeOf[last.reason as Exclude<Reason, 'capacity'>];
  return { cause, text: reasonTexts[last.reason].tenant(last.detail) };
}

const noStep = { step: '' };

function capacityCause(fleet: Fleet, { request }: Decision, sets: readonly HostSet[]): NoHost {
  const eligible = new Int32Array(fleet.words);
  for (const set of sets)
    for (let word = 0; word < eligible.length; word += 1)
      eligible[word] = (eligible[word] ?? 0) | (set[word] ?? 0);
  const all = [...request.resources].map(([resourceClass, wanted]) =>
    capacityFigures(fleet, eligible, resourceClass, wanted),
  );
  const tooLarge = all.find(({ wanted, largest }) => largest < wanted);
  if (tooLarge) return tooLargeText(tooLarge);
  const lacking = all.filter(({ wanted, mostFree }) => mostFree < wanted);
  const reservedFigures = lacking.find(({ heldWhereItWouldFit }) => heldWhereItWouldFit > 0);
  if (reservedFigures)
    return {
      cause: 'reservations',
      text: `No host has ${amountText(reservedFigures.resourceClass, reservedFigures.wanted)} free: what would be enough is reserved.`,
    };
  // Names the scarcest resource: the one whose free total is the smallest multiple of the demand.
  const scarcest = lacking.toSorted((a, b) => a.totalFree / a.wanted - b.totalFree / b.wanted)[0];
  if (scarcest) return scarceText(scarcest);
  if (request.topology)
    return { cause: 'topology', text: 'No host has room for the NUMA nodes of the flavor.' };
  const names = all.map(({ resourceClass }) => resourceName(resourceClass)).join(', ');
  return {
    cause: 'fragmentation',
    text: `No host has enough of all at once (${names}), although some have enough of each.`,
  };
}

const tooLargeText = ({ resourceClass, wanted, largest }: CapacityFigures): NoHost =>
  largest === 0
    ? { cause: 'accelerator', text: `No host that fits has ${resourceName(resourceClass)}.` }
    : {
        cause: 'tooLarge',
        text: `The flavor wants ${amountText(resourceClass, wanted)}; the largest host that fits gives ${sizeText(resourceClass, largest)} to a server, even when it is empty.`,
      };

function scarceText({ resourceClass, wanted, totalFree, mostFree }: CapacityFigures): NoHost {
  const [want, total] = [amountText(resourceClass, wanted), sizeText(resourceClass, totalFree)];
  return totalFree >= wanted
    ? {
        cause: 'fragmentation',
        text: `No host has ${want} free although ${total} are: the most on one host is ${sizeText(resourceClass, mostFree)}.`,
      }
    : { cause: 'capacity', text: `No host has ${want} free: only ${total} are left in all.` };
}
