// What the hosts, the filer and the control plane are told of the cloud's local network.

/** What hosts and Neutron need to know about it. */
export interface NetworkFacts {
  /** OVSDB remotes, `unix:...`. */
  northbound: string;
  southbound: string;
  /** The CIDR of the external network, e.g. 172.24.4.0/24; its first address is this machine's. */
  publicCidr: string;
  /** The network of hosts, filer and this machine, which has its first address. */
  managementCidr: string;
  /** The network namespace of the underlay. */
  underlay: string;
  /** netdev: Open vSwitch forwards packets in userspace; system: in the kernel. */
  datapath: 'netdev' | 'system';
}
