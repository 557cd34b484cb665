// What filters and weighers read of a request, whoever the caller is.
import type { ReservationType } from '../fleet/host-facts.ts';
import type { GuestTopology } from './guest-topology.ts';

/** The purpose of the placement. Nova passes it as the hint `_nova_check_type`. */
export type Intent =
  | 'unknown'
  | 'create'
  | 'rebuild'
  | 'resize'
  | 'live_migrate'
  | 'evacuate'
  | 'reserve_for_failover'
  | 'reuse_failover_reservation'
  | 'reserve_for_committed_resource'
  | 'capacity_probe';

export interface GroupRequest {
  id: string;
  name: string;
  policy: string;
  members: readonly string[];
  /** Names of hosts with members, as far as the caller knows. */
  hosts: readonly string[];
  /** Limit for `anti-affinity`: `max_server_per_host` of the group's rules; 1 by default. */
  maxPerHost: number;
}

/** What an image demands of a host; '' for no demand. */
export interface ImageRequest {
  hypervisorType: string;
  architecture: string;
  firmware: string;
  secureBoot: boolean;
}

export interface Destination {
  host: string;
  node: string;
  aggregates: readonly string[];
  forbiddenAggregates: readonly string[];
}

export interface PlacementRequest {
  serverId: string;
  projectId: string;
  /** The flavor's name, used in texts only. */
  flavor: string;
  zone: string | null;
  intent: Intent;
  instances: number;
  /** The host must have room for this many such servers together. */
  together: number;
  /** Amounts for one server, by resource class; a missing class is 0. */
  resources: ReadonlyMap<string, number>;
  topology: GuestTopology | null;
  requiredTraits: readonly string[];
  forbiddenTraits: readonly string[];
  /** Extra specs `capabilities:*`, without the prefix. */
  capabilities: readonly (readonly [name: string, wanted: string])[];
  image: ImageRequest;
  deviceProfile: string;
  ignoredHosts: readonly string[];
  forcedHosts: readonly string[];
  forcedNodes: readonly string[];
  destination: Destination | null;
  group: GroupRequest | null;
  /** The server's present host: hint `source_host`. */
  sourceHost: string;
  /** Hint `domain_name`. */
  domainName: string;
  /** Hint `_cortex_resource_group`. */
  resourceGroup: string;
  /** The name of the flavor group: extra spec `quota:hw_version`. */
  hwVersion: string;
  /** Option `assume_empty_hosts` (contracts/cortex/external-scheduler.ts). */
  assumeEmptyHosts: boolean;
  /** Option `lock_reservations`. */
  lockReservations: boolean;
  /** Option `ignored_reservation_types`. */
  ignoredReservationTypes: readonly ReservationType[];
}

/** A request without any demand, from which others are derived. */
export const noRequest: PlacementRequest = {
  serverId: '',
  projectId: '',
  flavor: '',
  zone: null,
  intent: 'unknown',
  instances: 1,
  together: 1,
  resources: new Map(),
  topology: null,
  requiredTraits: [],
  forbiddenTraits: [],
  capabilities: [],
  image: { hypervisorType: '', architecture: '', firmware: '', secureBoot: false },
  deviceProfile: '',
  ignoredHosts: [],
  forcedHosts: [],
  forcedNodes: [],
  destination: null,
  group: null,
  sourceHost: '',
  domainName: '',
  resourceGroup: '',
  hwVersion: '',
  assumeEmptyHosts: false,
  lockReservations: false,
  ignoredReservationTypes: [],
};
