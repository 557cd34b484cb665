// What Neutron's roles share; created by compose.
import type { ServiceDeps } from '#openstack/service-deps.ts';
import type { QuotaLimits } from './domain/quota.ts';
import type { NeutronTables } from './store/tables.ts';

export interface NeutronConfig {
  /**
   * The prefix of the external network `public` that `seed` creates; null: no such network. Its
   * first address is the gateway.
   */
  publicCidr: string | null;
  /** Physical networks that hosts may be bridged to; the first one carries `public`. */
  physicalNetworks: readonly string[];
  /** Largest MTU of a Geneve network: what the underlay carries, less the tunnel's header. */
  overlayMtu: number;
  /** Largest MTU of a flat or VLAN network. */
  physicalMtu: number;
  /** The quota of a project that has none of its own; -1: no limit. */
  quotas: QuotaLimits;
  maxListLimit: number;
  /** An agent whose last heartbeat is older than this is shown as not alive. */
  agentDownMs: number;
  /** The one availability zone that networks and routers may name in their hints. */
  defaultZone: string;
  /** The name servers of the seeded network `demo`. */
  dnsServers: readonly string[];
}

export const neutronDefaults: NeutronConfig = {
  publicCidr: null,
  physicalNetworks: ['physnet1'],
  overlayMtu: 1442,
  physicalMtu: 1500,
  quotas: {
    network: 100,
    subnet: 100,
    port: 500,
    router: 10,
    floatingip: 50,
    security_group: 10,
    security_group_rule: 100,
    subnetpool: -1,
  },
  maxListLimit: 1000,
  agentDownMs: 75_000,
  defaultZone: 'nova',
  dnsServers: [],
};

export type NeutronDeps = ServiceDeps<NeutronTables, NeutronConfig>;
