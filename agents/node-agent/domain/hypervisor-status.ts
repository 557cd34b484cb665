// The part of the Hypervisor's status that the node agent owns, derived from facts about the host.
// Pure.
import { isDeepStrictEqual } from 'node:util';
import type { WantedCondition } from '#contracts/kube/conditions.ts';
import { isSameCondition } from '#contracts/kube/conditions.ts';
import type { Hypervisor, HypervisorStatus, OperatingSystem } from '#contracts/kube/kinds.ts';
import type { GuestFacts, HypervisorFacts, SystemFacts, UnitFacts } from '#ports/node-facts.ts';
import { capacityStatus } from './capacity.ts';
import { quantity } from './quantity.ts';

/** Status fields that this agent owns; the others belong to the hypervisor operator. */
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

/**
 * Facts about the host as just read. undefined: the fact cannot be read now, so the last reported
 * value is kept.
 */
export interface Observed {
  system: SystemFacts | undefined;
  hypervisor: HypervisorFacts | undefined;
  guests: readonly GuestFacts[] | undefined;
}

/** Maximum number of guests listed by name; `numInstances` counts all of them. */
const mostInstances = 2_000;
/** Longer names of guests are cut. */
const longestName = 256;
/** Longer texts from the host's files are cut. */
const longestText = 4_096;

/**
 * Limits the length, since the host's files may contain anything and the object must stay small.
 */
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
  // Only undefined values were removed, so every field has its type.
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

/** Whether the resource has all these values already, so that nothing has to be written. */
export const isUpToDate = (
  hypervisor: Hypervisor,
  status: OwnStatus,
  conditions: readonly WantedCondition[],
): boolean =>
  conditions.every((each) => isSameCondition(hypervisor, each)) &&
  ownFields.every((field) => isDeepStrictEqual(hypervisor.status?.[field], status[field]));

/**
 * One condition for each systemd unit, named after the unit, with the reasons of CobaltCore's node
 * agent.
 */
export const unitConditions = (units: readonly UnitFacts[]): WantedCondition[] =>
  units.map(({ unit, isRunning, message }) => ({
    type: unit,
    status: isRunning ? 'True' : 'False',
    reason: isRunning ? 'Running' : 'Stopped',
    message: `${unit}: ${message}`,
  }));

/** State of the connection to libvirt. */
export type Connection =
  | { kind: 'connected' }
  | { kind: 'away'; why: string }
  /** libvirt answers, but the answer cannot be parsed. */
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
