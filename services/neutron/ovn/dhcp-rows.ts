// Rows of OVN's built-in DHCP server: the options of a subnet, and those of a port with
// extra_dhcp_opts. Pure. Options: ovn-nb(5), DHCP_Options.
import { own } from '#contracts/common/own.ts';
import type { SdnRow } from '#ports/sdn.ts';
import type { PortFacts, SubnetFacts } from '../domain/sdn-facts.ts';
import { dhcpServerMac, ownerName } from './names.ts';

type Options = Record<string, string>;

const leaseSeconds = 43_200;
const metadataAddress = '169.254.169.254/32';

export function subnetRows(subnet: SubnetFacts): SdnRow[] {
  const options = optionsOf(subnet);
  return options ? [row(ownerName('subnet', subnet.id), subnet, options)] : [];
}

/**
 * Rows for a port with DHCP options of its own, and the keys of the rows that the port refers to.
 */
export function portDhcp(port: PortFacts): {
  rows: SdnRow[];
  v4: string | null;
  v6: string | null;
} {
  const rows: SdnRow[] = [];
  const referTo = (version: 4 | 6): string | null => {
    if (
      port.dhcpOptions.some(
        (each) =>
          each.name === 'dhcp_disabled' &&
          each.value.toLowerCase() === 'true' &&
          each.version === version,
      )
    )
      return null;
    const subnet = port.fixedIps.find(
      (each) => each.subnet.version === version && optionsOf(each.subnet) !== null,
    )?.subnet;
    const options = subnet && optionsOf(subnet);
    if (!subnet || !options) return null;
    const own = ownOptions(port, version);
    if (Object.keys(own).length === 0) return ownerName('subnet', subnet.id);
    const key = `${ownerName('port', port.id)}#dhcp${version}`;
    rows.push(row(key, subnet, { ...options, ...own }));
    return key;
  };
  return { v4: referTo(4), v6: referTo(6), rows };
}

function row(key: string, subnet: SubnetFacts, options: Options): SdnRow {
  return {
    table: 'DHCP_Options',
    key,
    columns: { cidr: subnet.cidr, options, external_ids: { 'neutron:subnet_id': subnet.id } },
  };
}

/** The DHCP options of a subnet; null: DHCP is off there. */
function optionsOf(subnet: SubnetFacts): Options | null {
  if (!subnet.dhcp) return null;
  return subnet.version === 4 ? v4Options(subnet) : v6Options(subnet);
}

function v4Options({
  id,
  network,
  gatewayIp,
  metadataIp,
  dnsServers,
  hostRoutes,
}: SubnetFacts): Options | null {
  // OVN answers a renewal whatever its destination, so any address of the subnet serves as server
  // id.
  const server = gatewayIp ?? metadataIp;
  if (server === null) return null;
  const options: Options = {
    server_id: server,
    server_mac: dhcpServerMac(id),
    lease_time: String(leaseSeconds),
    mtu: String(network.mtu),
  };
  if (gatewayIp !== null) options['router'] = gatewayIp;
  if (dnsServers.length > 0) options['dns_server'] = listed(dnsServers);
  if (network.dnsDomain !== '')
    options['domain_name'] = quoted(network.dnsDomain.replace(/\.$/, ''));
  const routes = [
    ...(metadataIp === null ? [] : [[metadataAddress, metadataIp]]),
    ...hostRoutes.map(({ destination, nexthop }) => [destination, nexthop]),
  ];
  // Clients that receive classless routes ignore `router` (RFC 3442), so the default route is
  // added.
  if (routes.length > 0)
    options['classless_static_route'] =
      `{${[...routes, ...(gatewayIp === null ? [] : [['0.0.0.0/0', gatewayIp]])].map((route) => route.join(',')).join(', ')}}`;
  return options;
}

function v6Options({ id, network, addressMode, dnsServers }: SubnetFacts): Options | null {
  if (addressMode !== 'dhcpv6-stateful' && addressMode !== 'dhcpv6-stateless') return null;
  const options: Options = { server_id: dhcpServerMac(id) };
  if (dnsServers.length > 0) options['dns_server'] = listed(dnsServers);
  if (network.dnsDomain !== '')
    options['domain_search'] = quoted(network.dnsDomain.replace(/\.$/, ''));
  if (addressMode === 'dhcpv6-stateless') options['dhcpv6_stateless'] = 'true';
  return options;
}

const listed = (values: readonly string[]): string =>
  values.length === 1 ? (values[0] as string) : `{${values.join(', ')}}`; // the only one
// northd pastes values into the actions of logical flows unescaped, so that a value could end early
// and go on as an action of the tenant's own. Such characters are removed from texts (`quoted`);
// other options with them are left out (`plainValue`).
const quoted = (text: string): string => `"${text.replaceAll(/["\\\p{Cc}]/gu, '')}"`;
const plainValue = /^[\w.:,/{} -]+$/;

// Neutron's names of extra DHCP options and OVN's; `text`: OVN expects the value in quotes.
// Neutron's docs, "DHCP Opts" of OVN; types: ovn-nb(5).
const v4Names: Readonly<Record<string, string>> = {
  'arp-timeout': 'arp_cache_timeout',
  'bootfile-name': 'bootfile_name',
  'classless-static-route': 'classless_static_route',
  'default-ttl': 'default_ttl',
  'dns-server': 'dns_server',
  'domain-name': 'domain_name',
  'domain-search': 'domain_search_list',
  'ethernet-encap': 'ethernet_encap',
  hostname: 'hostname',
  'ip-forward-enable': 'ip_forward_enable',
  'lease-time': 'lease_time',
  'log-server': 'log_server',
  'lpr-server': 'lpr_server',
  'ms-classless-static-route': 'ms_classless_static_route',
  mtu: 'mtu',
  netmask: 'netmask',
  'nis-server': 'nis_server',
  'ntp-server': 'ntp_server',
  'path-prefix': 'path_prefix',
  'policy-filter': 'policy_filter',
  router: 'router',
  'router-discovery': 'router_discovery',
  'router-solicitation': 'router_solicitation',
  'server-id': 'server_id',
  'server-ip-address': 'tftp_server_address',
  'swap-server': 'swap_server',
  T1: 'T1',
  T2: 'T2',
  'tcp-keepalive': 'tcp_keepalive_interval',
  'tcp-ttl': 'tcp_ttl',
  'tftp-server': 'tftp_server',
  'tftp-server-address': 'tftp_server_address',
  wpad: 'wpad',
};
const v6Names: Readonly<Record<string, string>> = {
  'dns-server': 'dns_server',
  'domain-search': 'domain_search',
};
const textOptions = new Set([
  'bootfile_name',
  'domain_name',
  'domain_search_list',
  'domain_search',
  'hostname',
  'path_prefix',
  'wpad',
]);

/** The port's extra DHCP options that OVN knows; others have no effect. */
function ownOptions(port: PortFacts, version: 4 | 6): Options {
  const names = version === 4 ? v4Names : v6Names;
  return Object.fromEntries(
    port.dhcpOptions.flatMap(({ version: of, name, value }) => {
      const optionName =
        of === version ? (own(names, name) ?? own(names, name.replaceAll('_', '-'))) : undefined;
      if (optionName === undefined) return [];
      if (textOptions.has(optionName)) return [[optionName, quoted(value)]];
      return plainValue.test(value) ? [[optionName, value]] : [];
    }),
  );
}
