// What OVN is to show, read whole from Neutron's database (store/sdn-facts.ts) and made into rows
// by the pure functions beside. Objects refer to each other directly: whoever makes rows of a port
// needs nothing but the port.

export interface NetworkFacts {
  readonly id: string;
  readonly name: string;
  readonly mtu: number;
  readonly dnsDomain: string;
  /** null: an overlay. `vlan`: null is flat. */
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
  /** Where the network's metadata port answers in this subnet. */
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
  /** '' : bound nowhere. */
  readonly host: string;
  /** Hosts where it is bound as well, since its server moves there. */
  readonly furtherHosts: readonly string[];
  readonly fixedIps: readonly FixedIp[];
  /** As Neutron has it, to be brought to what OVN says. */
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

/** A port through which a router is on a network. */
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
  /** Of the port that holds the address outside. */
  readonly mac: string;
  /**
   * Where it leads to; null: nowhere. `host` '': the port is bound nowhere; `serverId` null: it is
   * no server's.
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
  /** A name, a number as text, or null: any. */
  readonly protocol: string | null;
  /** ICMP: type and code. */
  readonly portMin: number | null;
  readonly portMax: number | null;
  readonly remoteGroupId: string | null;
  readonly remoteCidr: string | null;
}

/** A host that could carry gateways. */
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
