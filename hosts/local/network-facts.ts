// What hosts, filer and control plane have to know about the cloud's local network.

/** Facts of a local network, as `LocalNetwork.start` returns them. */
export interface NetworkFacts {
  /** OVSDB remotes, `unix:...`. */
  northbound: string;
  southbound: string;
  /** The CIDR of the external network, e.g. 172.24.4.0/24; its first address is this machine's. */
  publicCidr: string;
  /** CIDR of the network of hosts, filer and this machine; its first address is this machine's. */
  managementCidr: string;
  /** The network namespace of the underlay. */
  underlay: string;
  /** netdev: Open vSwitch forwards packets in userspace; system: in the kernel. */
  datapath: 'netdev' | 'system';
}
