// The part of a Hypervisor's status that its node agent owns, from what the host says. Pure.
import { isDeepStrictEqual } from 'node:util';
import type { WantedCondition } from '#contracts/kube/conditions.ts';
import { isSameCondition } from '#contracts/kube/conditions.ts';
import type { Hypervisor, HypervisorStatus, OperatingSystem } from '#contracts/kube/kinds.ts';
import type { GuestFacts, HypervisorFacts, SystemFacts, UnitFacts } from '#ports/node-facts.ts';
import { capacityStatus } from './capacity.ts';
import { quantity } from './quantity.ts';

/** Fields of the agent alone; those of the operator are others. */
const ownFields = [
  'operatingSystem',
  'libVirtVersion',
  'hypervisorVersion',
  'capabilities',
  'domainCapabilities',
  'instances',
  'numInstances',
  'allocation',
  'capacity',
  'effectiveCapacity',
  'cells',
] as const satisfies readonly (keyof HypervisorStatus)[];

export type OwnStatus = Pick<HypervisorStatus, (typeof ownFields)[number]>;

/** undefined: it is not known now, so what was known stays. */
export interface Observed {
  system: SystemFacts | undefined;
  hypervisor: HypervisorFacts | undefined;
  guests: readonly GuestFacts[] | undefined;
}

/** Guests that are listed by name; `numInstances` counts all. */
const mostInstances = 2_000;
const longestName = 256;
const longestText = 4_096;

/** Whatever stands in the host's files, the object stays small. */
const cut = (text: string | undefined): string | undefined => text?.slice(0, longestText);

function operatingSystem(facts: SystemFacts): OperatingSystem {
  const all: Record<keyof OperatingSystem, string | string[] | undefined> = {
    version: cut(facts.version),
    variantID: cut(facts.variantId),
    prettyVersion: cut(facts.prettyName),
    kernelName: cut(facts.kernelName),
    kernelRelease: cut(facts.kernelRelease),
    kernelVersion: cut(facts.kernelVersion),
    kernelCommandLine: cut(facts.kernelCommandLine),
    hardwareVendor: cut(facts.hardwareVendor),
    hardwareModel: cut(facts.hardwareModel),
    hardwareSerial: cut(facts.hardwareSerial),
    firmwareVersion: cut(facts.firmwareVersion),
    firmwareVendor: cut(facts.firmwareVendor),
    firmwareDate: facts.firmwareDate,
    gardenLinuxCommitID: cut(facts.gardenLinuxCommitId),
    gardenLinuxFeatures: facts.gardenLinuxFeatures?.slice(0, 256),
  };
  // each of its own type, as written above
  return Object.fromEntries(
    Object.entries(all).filter(([, value]) => value !== undefined),
  ) as OperatingSystem;
}

export function ownStatus(hypervisor: Hypervisor, observed: Observed): OwnStatus {
  const { system, guests } = observed;
  const facts = observed.hypervisor;
  const status: OwnStatus = Object.fromEntries(
    ownFields.flatMap((field) => {
      const value = hypervisor.status?.[field];
      return value === undefined ? [] : [[field, value]];
    }),
  );
  if (system) status.operatingSystem = operatingSystem(system);
  if (guests) {
    status.numInstances = guests.length;
    status.instances = guests.slice(0, mostInstances).map(({ uuid, name, isActive }) => ({
      id: uuid,
      name: name.slice(0, longestName),
      active: isActive,
    }));
  }
  if (!facts) return status;
  const memoryBytes = facts.cells.reduce((sum, cell) => sum + cell.memoryBytes, 0);
  const { arch, hypervisorType, devices, cpuModes, features } = facts.domain;
  return {
    ...status,
    libVirtVersion: facts.libvirtVersion,
    hypervisorVersion: facts.hypervisorVersion,
    capabilities: {
      cpuArch: facts.cpuArch,
      memory: quantity(memoryBytes),
      cpus: `${facts.cells.reduce((sum, cell) => sum + cell.cpus, 0)}`,
    },
    domainCapabilities: {
      arch,
      hypervisorType,
      supportedDevices: devices,
      supportedCpuModes: cpuModes,
      supportedFeatures: features,
    },
    ...(guests ? capacityStatus(facts.cells, guests, hypervisor.spec.overcommit) : {}),
  };
}

/** Whether the resource says all of that already: nothing is written then. */
export const isSaid = (
  hypervisor: Hypervisor,
  status: OwnStatus,
  conditions: readonly WantedCondition[],
): boolean =>
  conditions.every((each) => isSameCondition(hypervisor, each)) &&
  ownFields.every((field) => isDeepStrictEqual(hypervisor.status?.[field], status[field]));

/** Conditions have names and reasons of the original; each daemon's is that of its unit. */
export const unitConditions = (units: readonly UnitFacts[]): WantedCondition[] =>
  units.map(({ unit, isRunning, message }) => ({
    type: unit,
    status: isRunning ? 'True' : 'False',
    reason: isRunning ? 'Running' : 'Stopped',
    message: `${unit}: ${message}`,
  }));

/** How libvirt answers. */
export type Connection =
  | { kind: 'connected' }
  | { kind: 'away'; why: string }
  /** It answers what cannot be understood. */
  | { kind: 'unreadable'; why: string };

const longestMessage = 1_024;

export function connectionCondition(
  connection: Connection,
  units: readonly UnitFacts[],
): WantedCondition {
  const type = 'LibVirtConnection';
  if (connection.kind === 'connected')
    return { type, status: 'True', reason: 'Connected', message: 'libvirt answers' };
  const isDown = units.some(({ unit, isRunning }) => unit === 'libvirtd.service' && !isRunning);
  return {
    type,
    status: 'False',
    reason:
      connection.kind === 'unreadable'
        ? 'ProcessFailed'
        : isDown
          ? 'LibVirtServiceNotRunning'
          : 'ConnectFailed',
    message: connection.why.slice(0, longestMessage),
  };
}
