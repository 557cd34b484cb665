// All filters, in the order used to explain decisions: permanent properties of a host come before
// its free capacity. Each pipeline has an order of its own.
import type { Filter } from '../pipeline/step.ts';
import { aggregateMetadata } from './aggregate-metadata.ts';
import { allowedProjects } from './allowed-projects.ts';
import { capabilities } from './capabilities.ts';
import { correctAz } from './correct-az.ts';
import { enoughCapacity } from './enough-capacity.ts';
import { excludeHosts } from './exclude-hosts.ts';
import { externalCustomer } from './external-customer.ts';
import { hasAccelerators } from './has-accelerators.ts';
import { hostInstructions } from './host-instructions.ts';
import { imageProperties } from './image-properties.ts';
import { instanceGroupAffinity } from './instance-group-affinity.ts';
import { instanceGroupAntiAffinity } from './instance-group-anti-affinity.ts';
import { liveMigratable } from './live-migratable.ts';
import { quotaEnforcement } from './quota-enforcement.ts';
import { requestedDestination } from './requested-destination.ts';
import { requestedTraits } from './requested-traits.ts';
import { statusConditions } from './status-conditions.ts';

export const filters: readonly Filter[] = [
  // First, so that a zone whose hosts are all excluded by name is not reported as a zone without
  // hosts.
  correctAz,
  excludeHosts,
  hostInstructions,
  requestedDestination,
  externalCustomer,
  allowedProjects,
  aggregateMetadata,
  imageProperties,
  capabilities,
  requestedTraits,
  hasAccelerators,
  liveMigratable,
  statusConditions,
  instanceGroupAffinity,
  instanceGroupAntiAffinity,
  enoughCapacity,
  quotaEnforcement,
];
