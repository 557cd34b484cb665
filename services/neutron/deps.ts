// What Neutron's roles share; made by compose.
import type { ServiceDeps } from '#openstack/service-deps.ts';
import type { QuotaLimits } from './domain/quota.ts';
import type { NeutronTables } from './store/tables.ts';

export interface NeutronConfig {
  /**
   * The subnet of the external network `public` that `seed` makes; null: none. Its first address is
   * the gateway.
   */
  publicCidr: string | null;
  /** Names of physical networks that hosts are bridged to; the first one carries `public`. */
  physicalNetworks: readonly string[];
  overlayMtu: number;
  physicalMtu: number;
  /** Per project, where it has no quota of its own; -1: no limit. */
  quotas: QuotaLimits;
  maxListLimit: number;
  /** An agent unheard for longer is down. */
  agentDownMs: number;
  defaultZone: string;
  /** For the seeded network `demo`. */
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
