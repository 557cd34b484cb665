// Neutron's tables as TypeScript sees them. Booleans are 0 and 1, `_json` columns hold JSON text,
// `tags` is `,a,b,`.
import type { Generated } from 'kysely';

/**
 * Columns of every tagged object. Any visible change bumps `revision_number`: caches of views and
 * lists rely on it.
 */
export interface StandardColumns {
  id: string;
  project_id: string;
  name: string;
  description: string;
  tags: string;
  revision_number: number;
  created_at_ms: number;
  updated_at_ms: number;
}

export interface NetworkRow extends StandardColumns {
  admin_state_up: number;
  shared: number;
  external: number;
  is_default: number;
  mtu: number;
  network_type: 'geneve' | 'flat' | 'vlan' | 'local';
  physical_network: string | null;
  segmentation_id: number | null;
  port_security_enabled: number;
  dns_domain: string;
  availability_zone_hints_json: string;
}

export type Ipv6Mode = 'slaac' | 'dhcpv6-stateful' | 'dhcpv6-stateless';

export interface SubnetRow extends StandardColumns {
  network_id: string;
  ip_version: 4 | 6;
  /** Canonical: `10.0.0.0/24`. */
  cidr: string;
  gateway_ip: string | null;
  enable_dhcp: number;
  ipv6_ra_mode: Ipv6Mode | null;
  ipv6_address_mode: Ipv6Mode | null;
  /** `[{start, end}]`, ascending. */
  allocation_pools_json: string;
  /** `["9.9.9.9"]` */
  dns_nameservers_json: string;
  /** `[{destination, nexthop}]` */
  host_routes_json: string;
  subnetpool_id: string | null;
}

export interface PortRow extends StandardColumns {
  network_id: string;
  mac_address: string;
  admin_state_up: number;
  /** 'N/A': a port that only holds a floating address. */
  status: 'ACTIVE' | 'DOWN' | 'BUILD' | 'ERROR' | 'N/A';
  device_id: string;
  device_owner: string;
  port_security_enabled: number;
  dns_name: string;
  ip_allocation: 'immediate' | 'none';
  binding_host_id: string;
  binding_vnic_type: string;
  binding_profile_json: string;
  binding_vif_type: 'unbound' | 'ovs' | 'binding_failed';
  /** `[{ip_address, mac_address}]` */
  allowed_address_pairs_json: string;
  /** `[{opt_name, opt_value, ip_version}]` */
  extra_dhcp_opts_json: string;
}

/** An inactive binding; the active one is in the port's own row. Key: (port_id, host). */
export interface PortBindingRow {
  port_id: string;
  host: string;
  vnic_type: string;
  profile_json: string;
  vif_type: PortRow['binding_vif_type'];
}

export interface RouterRow extends StandardColumns {
  admin_state_up: number;
  /** The port of owner `network:router_gateway`; null: no gateway. */
  gateway_port_id: string | null;
  gateway_network_id: string | null;
  enable_snat: number;
  /** `[{destination, nexthop}]` */
  routes_json: string;
  availability_zone_hints_json: string;
}

export interface FloatingIpRow extends Omit<StandardColumns, 'name'> {
  floating_network_id: string;
  floating_ip_address: string;
  /** The port of owner `network:floatingip` that holds the address. */
  floating_port_id: string;
  fixed_port_id: string | null;
  fixed_ip_address: string | null;
  router_id: string | null;
  status: 'ACTIVE' | 'DOWN' | 'ERROR';
  dns_name: string;
  dns_domain: string;
}

export interface SecurityGroupRow extends StandardColumns {
  stateful: number;
  /** 1: the project's `default` group. */
  is_default: number;
}

export interface SecurityGroupRuleRow extends Omit<StandardColumns, 'name' | 'tags'> {
  security_group_id: string;
  direction: 'ingress' | 'egress';
  ethertype: 'IPv4' | 'IPv6';
  /** As the caller wrote it: a name (`tcp`) or a number (`"6"`); null: any. */
  protocol: string | null;
  /** First port; ICMP: the type. null: any. */
  port_range_min: number | null;
  /** Last port; ICMP: the code. null: any. */
  port_range_max: number | null;
  remote_group_id: string | null;
  /** As the caller wrote it; null: any address. `normalized_cidr` is the canonical form. */
  remote_ip_prefix: string | null;
  normalized_cidr: string | null;
}

export interface SubnetPoolRow extends StandardColumns {
  ip_version: 4 | 6;
  /** `["10.0.0.0/8"]`, merged and ascending. */
  prefixes_json: string;
  default_prefixlen: number;
  min_prefixlen: number;
  max_prefixlen: number;
  default_quota: number | null;
  shared: number;
  is_default: number;
}

/** Agents with their last heartbeat; one older than `config.agentDownMs` is not alive. */
export interface AgentRow {
  id: string;
  agent_type: string;
  binary: string;
  host: string;
  availability_zone: string;
  topic: string;
  description: string | null;
  admin_state_up: number;
  configurations_json: string;
  created_at_ms: number;
  started_at_ms: number;
  heartbeat_at_ms: number;
  /** When an operator deleted it; null again once an agent of its host is started anew. */
  deleted_at_ms: number | null;
}

export interface NeutronTables {
  networks: NetworkRow;
  /** Segments in use by networks; '' and 0 stand for NULL. */
  network_segments: {
    network_type: string;
    physical_network: string;
    segmentation_id: number;
    network_id: string;
  };
  subnets: SubnetRow;
  ports: PortRow;
  /**
   * Addresses of ports. `ip_key`: the address as fixed-width hex, so that text order is address
   * order. Key: (subnet_id, ip_key).
   */
  ip_allocations: {
    subnet_id: string;
    ip_key: string;
    ip: string;
    network_id: string;
    port_id: string;
  };
  port_security_groups: { port_id: string; security_group_id: string };
  port_bindings: PortBindingRow;
  routers: RouterRow;
  floating_ips: FloatingIpRow;
  security_groups: SecurityGroupRow;
  security_group_rules: SecurityGroupRuleRow;
  /** The default group of each project; its key lets one of two concurrent first uses win. */
  default_security_groups: { project_id: string; security_group_id: string };
  subnetpools: SubnetPoolRow;
  /** The result of "get me a network"; its key lets one of two concurrent first uses win. */
  auto_topologies: { project_id: string; network_id: string; router_id: string };
  quotas: { project_id: string; resource: string; value: number };
  agents: AgentRow;
  /** Journal of objects whose OVN rows are due; see sdn-journal.ts. */
  sdn_changes: { seq: Generated<number>; kind: string; subject_id: string };
  /** One-time work that is done, e.g. the seed. */
  marks: { name: string };
}
