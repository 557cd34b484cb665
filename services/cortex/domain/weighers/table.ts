// All weighers.
import type { Weigher } from '../pipeline/step.ts';
import { kvmBinpack } from './kvm-binpack.ts';
import { kvmCommittedResourceReservation } from './kvm-committed-resource-reservation.ts';
import { kvmFailoverEvacuation } from './kvm-failover-evacuation.ts';
import { kvmFailoverReservationConsolidation } from './kvm-failover-reservation-consolidation.ts';
import { kvmInstanceGroupSoftAffinity } from './kvm-instance-group-soft-affinity.ts';
import { kvmPreferSmallerHosts } from './kvm-prefer-smaller-hosts.ts';

export const weighers: readonly Weigher[] = [
  kvmPreferSmallerHosts,
  kvmBinpack,
  kvmInstanceGroupSoftAffinity,
  kvmFailoverEvacuation,
  kvmFailoverReservationConsolidation,
  kvmCommittedResourceReservation,
];
