// The network of a host as its Neutron Agent tells it, and as ports/host-network.ts does. Plain
// JSON.

export interface HostNetworkFacts {
  /** The name under which OVN knows the host: `requested-chassis` of its ports. */
  chassis: string;
  hostname: string;
  /** Physical network -> bridge. */
  bridgeMappings: Record<string, string>;
  /** Address and kind of its end of the tunnels, e.g. geneve 172.31.0.11. */
  encapIp: string;
  encapTypes: string[];
  health: HostNetworkHealth;
}

export interface HostNetworkHealth {
  /** ovs-vswitchd carries out what its database says. */
  switchAlive: boolean;
  /** ovn-controller is connected to the southbound database, by its own word. */
  controllerConnected: boolean;
  tunnels: TunnelHealth[];
}

export interface TunnelHealth {
  /** The chassis at the other end. */
  chassis: string;
  /** 'unmonitored': nobody asked for BFD on it. */
  state: 'up' | 'down' | 'unmonitored';
}
