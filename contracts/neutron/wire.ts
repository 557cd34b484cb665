// Neutron's objects in its API, reduced to the fields that this cloud's clients read.
// https://docs.openstack.org/api-ref/network/v2/

export interface Network {
  id: string;
  name: string;
  tenant_id: string;
  shared: boolean;
  'router:external': boolean;
  subnets: string[];
  mtu?: number;
  port_security_enabled?: boolean;
}
export interface Subnet {
  id: string;
  network_id: string;
  cidr: string;
  ip_version: 4 | 6;
  gateway_ip: string | null;
  dns_nameservers: string[];
  enable_dhcp: boolean;
  ipv6_address_mode: string | null;
  host_routes: { destination: string; nexthop: string }[];
}
export interface Port {
  id: string;
  network_id: string;
  tenant_id: string;
  mac_address: string;
  status: string;
  device_id: string;
  device_owner: string;
  fixed_ips: { subnet_id: string; ip_address: string }[];
  security_groups?: string[];
  port_security_enabled?: boolean;
  'binding:host_id'?: string;
  'binding:vif_type'?: string;
  'binding:vif_details'?: { bridge_name?: string };
}
export interface FloatingIp {
  id: string;
  floating_network_id: string;
  floating_ip_address: string;
  fixed_ip_address: string | null;
  port_id: string | null;
}
export interface SecurityGroup {
  id: string;
  name: string;
  description: string;
  tenant_id: string;
  security_group_rules: SecurityGroupRule[];
}
export interface SecurityGroupRule {
  id: string;
  direction: 'ingress' | 'egress';
  ethertype: string;
  protocol: string | null;
  port_range_min: number | null;
  port_range_max: number | null;
  remote_ip_prefix: string | null;
  remote_group_id: string | null;
}
