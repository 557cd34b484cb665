// The network info cache: what Nova stores of a server's ports, and its views: addresses for the
// API, interfaces for the host. Pure.
import type { FloatingIp, Network, Port, Subnet } from '#contracts/neutron/wire.ts';
import type { GuestNic } from '#contracts/nova/guest.ts';
import type { NicRow } from '../store/tables.ts';

export interface NicAddress {
  address: string;
  version: 4 | 6;
  subnetId: string;
  cidr: string;
  gateway: string | null;
  dns: string[];
  /** SLAAC or DHCPv6 mode of the subnet; null: DHCP for IPv4, or static. */
  ipv6Mode: string | null;
  /** Whether DHCP is enabled on the subnet. */
  dhcp: boolean;
  hostRoutes: { destination: string; nexthop: string }[];
  floating: string[];
}

/** One interface with what Neutron knows of its port. */
export interface NicInfo {
  portId: string;
  networkId: string;
  /** The network's name: the label under which the API lists the addresses. */
  label: string;
  mac: string;
  mtu: number;
  bridge: string;
  addresses: NicAddress[];
  /** Security group names. */
  securityGroups: string[];
}

// MTU if Neutron reports none. This cloud's overlay networks report 1442.
const defaultMtu = 1500;
const defaultBridge = 'br-int';

export function nicInfo(
  port: Port,
  found: {
    network: Network | undefined;
    subnets: readonly Subnet[];
    floatingIps: readonly FloatingIp[];
    groupNames: ReadonlyMap<string, string>;
  },
): NicInfo {
  const subnets = new Map(found.subnets.map((subnet) => [subnet.id, subnet]));
  return {
    portId: port.id,
    networkId: port.network_id,
    label: found.network?.name ?? '',
    mac: port.mac_address,
    mtu: found.network?.mtu ?? defaultMtu,
    bridge: port['binding:vif_details']?.bridge_name ?? defaultBridge,
    addresses: port.fixed_ips.flatMap(
      ({ ip_address: address, subnet_id: subnetId }): NicAddress[] => {
        const subnet = subnets.get(subnetId);
        return [
          {
            address,
            subnetId,
            version: address.includes(':') ? 6 : 4,
            cidr: subnet?.cidr ?? `${address}/${address.includes(':') ? 128 : 32}`,
            gateway: subnet?.gateway_ip ?? null,
            dns: subnet?.dns_nameservers ?? [],
            ipv6Mode: subnet?.ipv6_address_mode ?? null,
            dhcp: subnet?.enable_dhcp ?? false,
            hostRoutes: subnet?.host_routes ?? [],
            floating: found.floatingIps
              .filter((ip) => ip.port_id === port.id && ip.fixed_ip_address === address)
              .map((ip) => ip.floating_ip_address),
          },
        ];
      },
    ),
    securityGroups: (port.security_groups ?? []).map((id) => found.groupNames.get(id) ?? id),
  };
}

export type AddressesView = Record<
  string,
  {
    version: 4 | 6;
    addr: string;
    'OS-EXT-IPS:type': 'fixed' | 'floating';
    'OS-EXT-IPS-MAC:mac_addr': string;
  }[]
>;

/**
 * Fixed addresses, each followed by its floating IPs, by network label. The `ip` filters of the
 * server list read `version` and `addr`.
 */
export function addressesView(infos: readonly NicInfo[]): AddressesView {
  const view = new Map<string, AddressesView[string]>(); // a Map: labels are tenants' texts
  for (const { label, mac, addresses } of infos) {
    const list = view.get(label) ?? [];
    view.set(label, list);
    for (const { address, version, floating } of addresses) {
      list.push({
        version,
        addr: address,
        'OS-EXT-IPS:type': 'fixed',
        'OS-EXT-IPS-MAC:mac_addr': mac,
      });
      for (const addr of floating)
        list.push({
          version: 4,
          addr,
          'OS-EXT-IPS:type': 'floating',
          'OS-EXT-IPS-MAC:mac_addr': mac,
        });
    }
  }
  return Object.fromEntries(view);
}

export const securityGroupNames = (infos: readonly NicInfo[]): string[] => [
  ...new Set(infos.flatMap((info) => info.securityGroups)),
];

const models = ['virtio', 'e1000', 'e1000e', 'rtl8139'] as const;

/**
 * The interface in the form in which the host's agent receives it. `wantedModel`: the image
 * property `hw_vif_model`; an unsupported model is replaced by virtio.
 */
export function guestNic(info: NicInfo, wantedModel: string | undefined): GuestNic {
  return {
    portId: info.portId,
    mac: info.mac,
    mtu: info.mtu,
    bridge: info.bridge,
    model: models.find((model) => model === wantedModel) ?? 'virtio',
  };
}

export type NicWithInfo = Pick<NicRow, 'tag' | 'seq'> & { info: NicInfo };
