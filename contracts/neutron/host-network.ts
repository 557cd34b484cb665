// State of a host's network, as reported by its Neutron Agent and by ports/host-network.ts. Plain
// JSON.

export interface HostNetworkFacts {
  /** The name under which OVN knows the host: `requested-chassis` of its ports. */
  chassis: string;
  hostname: string;
  /** Bridge by physical network. */
  bridgeMappings: Record<string, string>;
  /** Address of the host's tunnel endpoint, e.g. 172.31.0.11. */
  encapIp: string;
  /** Tunnel protocols of that endpoint, e.g. `['geneve']`. */
  encapTypes: string[];
  health: HostNetworkHealth;
}

export interface HostNetworkHealth {
  /** Whether ovs-vswitchd applies the content of its database. */
  switchAlive: boolean;
  /** Whether ovn-controller reports that it is connected to the southbound database. */
  controllerConnected: boolean;
  tunnels: TunnelHealth[];
}

export interface TunnelHealth {
  /** The chassis at the other end. */
  chassis: string;
  /** 'unmonitored': BFD is not enabled on it. */
  state: 'up' | 'down' | 'unmonitored';
}
