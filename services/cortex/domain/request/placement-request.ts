// What a decision is about, whoever asks: what filters and weighers read beside the fleet.
import type { ReservationType } from '../fleet/host-facts.ts';
import type { GuestTopology } from './guest-topology.ts';

/** What the placement is for. Nova tells it by the hint `_nova_check_type`. */
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
  /** Names of hosts with members, as far as the asker knows. */
  hosts: readonly string[];
  maxPerHost: number;
}

/** What an image asks of a host; '' where it asks for nothing. */
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
  /** The flavor's name, for texts. */
  flavor: string;
  zone: string | null;
  intent: Intent;
  instances: number;
  /** So many servers like this one must have room on the host beside each other. */
  together: number;
  /** For one server, by resource class; none is 0. */
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
  /** Where the server is now: hint `source_host`. */
  sourceHost: string;
  /** Hint `domain_name`. */
  domainName: string;
  /** Hint `_cortex_resource_group`. */
  resourceGroup: string;
  /** Extra spec `quota:hw_version`, the name of the group of flavors. */
  hwVersion: string;
  assumeEmptyHosts: boolean;
  lockReservations: boolean;
  ignoredReservationTypes: readonly ReservationType[];
}

/** Asks for nothing: what others are made of. */
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
