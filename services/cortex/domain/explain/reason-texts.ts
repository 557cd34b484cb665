// Texts of the reasons why hosts are excluded: about one host for operators; about the cloud for
// tenants, who must not see names of hosts or filters.
import type { Reason } from '../pipeline/reasons.ts';

interface Texts {
  /** Completes a sentence that begins with "the host ". */
  host(detail: string): string;
  /** A whole sentence about all hosts. */
  tenant(detail: string): string;
}

const same = (host: string, tenant: string): Texts => ({ host: () => host, tenant: () => tenant });

const unitOf: Readonly<Record<string, string>> = {
  VCPU: 'vCPUs',
  PCPU: 'dedicated CPUs',
  MEMORY_MB: 'memory',
  DISK_GB: 'disk space',
};

export const resourceName = (resourceClass: string): string =>
  Object.hasOwn(unitOf, resourceClass) ? (unitOf[resourceClass] ?? '') : resourceClass;

const unusable = 'No host that fits is in operation at present.';
const notForProject = 'The hosts that fit are reserved for other projects.';

export const reasonTexts: Readonly<Record<Reason, Texts>> = {
  unknownHost: same('is not known', 'The host that was asked for does not exist.'),
  notPreselected: same(
    'was not among the hosts of the request',
    'None of the hosts of the request is known.',
  ),
  stepFailed: {
    host: (message) => `is out because the step failed: ${message}`,
    tenant: () => 'The request could not be checked against the hosts.',
  },
  ignored: same('is to be ignored', 'All hosts that fit are to be avoided.'),
  notForced: {
    host: (names) => `is not the one that was asked for (${names})`,
    tenant: () => 'The host that was asked for does not exist or does not fit.',
  },
  notDestination: {
    host: (name) => `is not the destination ${name}`,
    tenant: () => 'The requested destination does not exist or does not fit.',
  },
  notInAggregates: {
    host: (names) => `is in none of the aggregates ${names}`,
    tenant: () => 'No host is in the requested aggregates.',
  },
  inForbiddenAggregate: {
    host: (name) => `is in the forbidden aggregate ${name}`,
    tenant: () => 'All hosts that fit are in aggregates that the request forbids.',
  },
  excluded: same('is excluded by the pipeline', 'All hosts that fit are out of use.'),
  otherZone: {
    host: (zone) => `is not in the zone ${zone}`,
    tenant: (zone) => `There is no host in the availability zone ${zone}.`,
  },
  notForExternalCustomers: same('is not for external customers', notForProject),
  projectNotAllowed: same('is for other projects', notForProject),
  notATenantOfItsAggregate: same('is in an aggregate of other projects', notForProject),
  hypervisorType: {
    host: (type) => `does not run images for ${type}`,
    tenant: (type) => `No host runs images for the hypervisor ${type}.`,
  },
  imageArchitecture: {
    host: (architecture) => `has another architecture than the image, ${architecture}`,
    tenant: (architecture) => `No host runs images of the architecture ${architecture}.`,
  },
  firmware: {
    host: (firmware) => `has no ${firmware} firmware for guests`,
    tenant: (firmware) => `No host has the firmware of the image, ${firmware}.`,
  },
  secureBoot: same('has no secure boot', 'No host has secure boot, which the image requires.'),
  capability: {
    host: (wanted) => `does not have the capability ${wanted}`,
    tenant: (wanted) => `No host has the capability that the flavor requires: ${wanted}.`,
  },
  traitMissing: {
    host: (trait) => `does not have the trait ${trait}`,
    tenant: (trait) => `No host that fits has the trait ${trait}.`,
  },
  traitForbidden: {
    host: (trait) => `has the forbidden trait ${trait}`,
    tenant: (trait) => `All hosts that fit have the forbidden trait ${trait}.`,
  },
  noAccelerators: {
    host: (profile) => `has no accelerators for the device profile ${profile}`,
    tenant: (profile) => `No host has accelerators for the device profile ${profile}.`,
  },
  otherArchitecture: {
    host: (architecture) => `is not of the source's architecture, ${architecture}`,
    tenant: (architecture) => `There is no other host of the architecture ${architecture}.`,
  },
  lessThanTheSource: {
    host: (feature) => `does not offer ${feature}, which the source does`,
    tenant: () => 'No other host has all CPU features and devices of the present one.',
  },
  notReady: same('is not ready', unusable),
  disabled: same('is disabled', unusable),
  terminating: same('is being removed', unusable),
  affinity: {
    host: (group) => `has no server of the group ${group}`,
    tenant: (group) => `No host of the server group ${group}'s servers can take another one.`,
  },
  antiAffinity: {
    host: (group) => `has as many servers of the group ${group} as its policy allows`,
    tenant: (group) => `Every host that fits has a server of the anti-affinity group ${group}.`,
  },
  capacity: {
    host: (resourceClass) => `has not enough ${resourceName(resourceClass)} free`,
    tenant: (resourceClass) => `No host has enough ${resourceName(resourceClass)} free.`,
  },
  maxUnit: {
    host: (resourceClass) => `gives less ${resourceName(resourceClass)} to one server`,
    tenant: (resourceClass) => `No host gives so much ${resourceName(resourceClass)} to a server.`,
  },
  numa: {
    host: (nodes) => `has not ${nodes} NUMA cells with enough room`,
    tenant: (nodes) => `No host has room for the flavor's NUMA nodes (${nodes}).`,
  },
  hugePages: {
    host: (sizes) => `has not enough free pages of ${sizes} KiB`,
    tenant: (sizes) => `No host has enough free huge pages (${sizes} KiB).`,
  },
  quota: {
    host: (resource) => `is in a zone where the project's quota of ${resource} is used up`,
    tenant: (resource) => `The project's quota of ${resource} in this zone is used up.`,
  },
};
