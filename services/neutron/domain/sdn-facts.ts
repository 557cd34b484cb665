// The objects that OVN is to show, as read from Neutron's database by store/sdn-facts.ts; pure
// functions in ovn/ turn them into rows. Objects refer to each other directly, so that the rows of
// a port can be made from its facts alone.

export interface NetworkFacts {
  readonly id: string;
  readonly name: string;
  readonly mtu: number;
  readonly dnsDomain: string;
  /** null: an overlay network. `vlan` null: a flat network. */
  readonly physical: { readonly network: string; readonly vlan: number | null } | null;
}

export type Ipv6Mode = 'slaac' | 'dhcpv6-stateful' | 'dhcpv6-stateless';

export interface SubnetFacts {
  readonly id: string;
  readonly network: NetworkFacts;
  readonly version: 4 | 6;
  readonly cidr: string;
  readonly gatewayIp: string | null;
  readonly dhcp: boolean;
  readonly dnsServers: readonly string[];
  readonly hostRoutes: readonly Route[];
  readonly raMode: Ipv6Mode | null;
  readonly addressMode: Ipv6Mode | null;
  /** The address of the network's metadata port in this subnet; null: it has none here. */
  readonly metadataIp: string | null;
}

export interface Route {
  readonly destination: string;
  readonly nexthop: string;
}

export interface FixedIp {
  readonly ip: string;
  readonly subnet: SubnetFacts;
}

export interface PortFacts {
  readonly id: string;
  readonly name: string;
  readonly projectId: string;
  readonly network: NetworkFacts;
  readonly mac: string;
  readonly adminUp: boolean;
  readonly deviceId: string;
  readonly deviceOwner: string;
  /** '' : the port is unbound. */
  readonly host: string;
  /** Hosts with an inactive binding, which a live migration of the port's server has prepared. */
  readonly furtherHosts: readonly string[];
  readonly fixedIps: readonly FixedIp[];
  /** The status in Neutron's database, which the OVN writer brings in line with OVN. */
  readonly status: string;
  readonly portSecurity: boolean;
  readonly allowedPairs: readonly { readonly mac: string; readonly ip: string }[];
  readonly groupIds: readonly string[];
  readonly dhcpOptions: readonly {
    readonly version: 4 | 6;
    readonly name: string;
    readonly value: string;
  }[];
}

/** A router's port on a network. */
export type RouterLeg = Pick<PortFacts, 'id' | 'network' | 'mac' | 'adminUp' | 'fixedIps'>;

export interface RouterFacts {
  readonly id: string;
  readonly name: string;
  readonly adminUp: boolean;
  readonly gateway: RouterLeg | null;
  readonly snat: boolean;
  readonly interfaces: readonly RouterLeg[];
  readonly routes: readonly Route[];
}

export interface FloatingIpFacts {
  readonly id: string;
  readonly ip: string;
  /** The MAC of the port that holds the floating address. */
  readonly mac: string;
  /**
   * The fixed address it is associated with; null: not associated. `host` '': that port is unbound.
   * `serverId` null: that port is no server's.
   */
  readonly target: {
    readonly routerId: string;
    readonly portId: string;
    readonly ip: string;
    readonly host: string;
    readonly serverId: string | null;
  } | null;
  readonly status: string;
}

export interface GroupFacts {
  readonly id: string;
  readonly name: string;
  readonly stateful: boolean;
  readonly rules: readonly RuleFacts[];
}

export interface RuleFacts {
  readonly id: string;
  readonly direction: 'ingress' | 'egress';
  readonly version: 4 | 6;
  /** The name, or the number as text; null: any protocol. */
  readonly protocol: string | null;
  /** First port of the range; for ICMP, the type. null: any. */
  readonly portMin: number | null;
  /** Last port of the range; for ICMP, the code. null: any. */
  readonly portMax: number | null;
  readonly remoteGroupId: string | null;
  readonly remoteCidr: string | null;
}

/** A host's OVN chassis, which may carry router gateways. */
export interface ChassisFacts {
  readonly name: string;
  readonly physicalNetworks: readonly string[];
  readonly alive: boolean;
}

export interface Facts {
  readonly networks: readonly NetworkFacts[];
  readonly subnets: readonly SubnetFacts[];
  readonly ports: readonly PortFacts[];
  readonly routers: readonly RouterFacts[];
  readonly floatingIps: readonly FloatingIpFacts[];
  readonly groups: readonly GroupFacts[];
}
