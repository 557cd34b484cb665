// Reads the facts of some objects, or of all in pages, for the writer in ovn/. A row that refers to
// a deleted one is left out, since the deletion has a journal entry of its own.
import { setImmediate as breathe } from 'node:timers/promises';
import type { Kysely } from 'kysely';
import { isRouterPort, metadataDevice, metadataOwner } from '../domain/port-owner.ts';
import type {
  Facts,
  FixedIp,
  FloatingIpFacts,
  GroupFacts,
  NetworkFacts,
  PortFacts,
  Route,
  RouterFacts,
  RuleFacts,
  SubnetFacts,
} from '../domain/sdn-facts.ts';
import { isNoServer } from '../domain/subnet.ts';
import type { SdnSubject } from './sdn-journal.ts';
import type {
  FloatingIpRow,
  NetworkRow,
  NeutronTables,
  PortRow,
  RouterRow,
  SecurityGroupRow,
  SecurityGroupRuleRow,
  SubnetRow,
} from './tables.ts';

type Db = Kysely<NeutronTables>;
export type Wanted = Readonly<Record<SdnSubject, ReadonlySet<string>>>;

const pageSize = 1_024;

/**
 * Pads a list of ids to a power of two in length, so that few different statements are prepared.
 */
export function padded(ids: readonly string[]): string[] {
  const size = 2 ** Math.ceil(Math.log2(Math.max(1, ids.length)));
  return [...ids, ...Array<string>(size - ids.length).fill(ids[0] ?? '')];
}

export async function pages<R>(
  ids: Iterable<string>,
  read: (page: string[]) => Promise<R[]>,
): Promise<R[]> {
  const all = [...new Set(ids)];
  const rows: R[] = [];
  for (let at = 0; at < all.length; at += pageSize) {
    if (at > 0) await breathe(); // SQLite is synchronous: lets waiting requests run
    for (const row of await read(padded(all.slice(at, at + pageSize)))) rows.push(row);
  }
  return rows;
}

export async function readFacts(db: Db, wanted: Wanted): Promise<Facts> {
  const routers = await pages(
    wanted.router,
    async (ids) => await db.selectFrom('routers').selectAll().where('id', 'in', ids).execute(),
  );
  const legs = await pages(
    wanted.router,
    async (ids) => await db.selectFrom('ports').selectAll().where('device_id', 'in', ids).execute(),
  );
  const ports = await pages(
    wanted.port,
    async (ids) => await db.selectFrom('ports').selectAll().where('id', 'in', ids).execute(),
  );
  const floatingIps = await readFloatingIps(db, wanted.floating_ip);
  const groups = await readGroups(db, wanted.security_group);
  const allPorts = [...ports, ...legs];
  const allocations = await pages(
    allPorts.map(({ id }) => id),
    async (ids) =>
      await db
        .selectFrom('ip_allocations')
        .select(['port_id', 'subnet_id', 'ip'])
        .where('port_id', 'in', ids)
        .execute(),
  );
  const members = await pages(
    ports.map(({ id }) => id),
    async (ids) =>
      await db.selectFrom('port_security_groups').selectAll().where('port_id', 'in', ids).execute(),
  );
  const bindings = await pages(
    ports.map(({ id }) => id),
    async (ids) =>
      await db
        .selectFrom('port_bindings')
        .select(['port_id', 'host'])
        .where('port_id', 'in', ids)
        .where('vif_type', '=', 'ovs')
        .orderBy('host')
        .execute(),
  );
  const subnets = await readSubnets(
    db,
    [...wanted.subnet, ...allocations.map(({ subnet_id }) => subnet_id)],
    [...wanted.network, ...allPorts.map(({ network_id }) => network_id)],
  );

  const ips = Map.groupBy(allocations, ({ port_id }) => port_id);
  const groupIds = Map.groupBy(members, ({ port_id }) => port_id);
  const hosts = Map.groupBy(bindings, ({ port_id }) => port_id);
  const portOf = (row: PortRow): PortFacts[] => {
    const network = subnets.networks.get(row.network_id);
    if (!network) return [];
    const fixedIps = (ips.get(row.id) ?? []).flatMap(({ ip, subnet_id }): FixedIp[] =>
      subnets.byId.has(subnet_id)
        ? [{ ip, subnet: subnets.byId.get(subnet_id) as SubnetFacts }]
        : [],
    ); // `has` was checked
    return [
      portFacts(
        row,
        network,
        fixedIps,
        (groupIds.get(row.id) ?? []).map(({ security_group_id }) => security_group_id),
        (hosts.get(row.id) ?? []).map(({ host }) => host),
      ),
    ];
  };
  const legsOf = Map.groupBy(
    legs.filter(({ device_owner }) => isRouterPort(device_owner)),
    ({ device_id }) => device_id,
  );
  return {
    networks: [...wanted.network].flatMap((id) => subnets.networks.get(id) ?? []),
    subnets: [...wanted.subnet].flatMap((id) => subnets.byId.get(id) ?? []),
    ports: ports.flatMap(portOf),
    routers: routers.map((row) => routerFacts(row, (legsOf.get(row.id) ?? []).flatMap(portOf))),
    floatingIps,
    groups,
  };
}

async function readSubnets(
  db: Db,
  subnetIds: Iterable<string>,
  networkIds: Iterable<string>,
): Promise<{ byId: Map<string, SubnetFacts>; networks: Map<string, NetworkFacts> }> {
  const rows = await pages(
    subnetIds,
    async (ids) => await db.selectFrom('subnets').selectAll().where('id', 'in', ids).execute(),
  );
  const networkRows = await pages(
    [...networkIds, ...rows.map(({ network_id }) => network_id)],
    async (ids) => await db.selectFrom('networks').selectAll().where('id', 'in', ids).execute(),
  );
  const metadata = new Map(
    (
      await pages(
        rows.map(({ network_id }) => metadataDevice(network_id)),
        async (ids) =>
          await db
            .selectFrom('ports')
            .innerJoin('ip_allocations', 'ip_allocations.port_id', 'ports.id')
            .select(['subnet_id', 'ip'])
            .where('device_id', 'in', ids)
            .where('device_owner', '=', metadataOwner)
            .execute(),
      )
    ).map(({ subnet_id, ip }) => [subnet_id, ip]),
  );
  const networks = new Map(networkRows.map((row) => [row.id, networkFacts(row)]));
  const byId = new Map<string, SubnetFacts>();
  for (const row of rows) {
    const network = networks.get(row.network_id);
    if (network) byId.set(row.id, subnetFacts(row, network, metadata.get(row.id) ?? null));
  }
  return { byId, networks };
}

async function readFloatingIps(db: Db, wanted: Iterable<string>): Promise<FloatingIpFacts[]> {
  const rows = await pages(
    wanted,
    async (ids) => await db.selectFrom('floating_ips').selectAll().where('id', 'in', ids).execute(),
  );
  const ports = new Map(
    (
      await pages(
        rows.flatMap((row) => [
          row.floating_port_id,
          ...(row.fixed_port_id === null ? [] : [row.fixed_port_id]),
        ]),
        async (ids) =>
          await db
            .selectFrom('ports')
            .select(['id', 'mac_address', 'binding_host_id', 'device_id', 'device_owner'])
            .where('id', 'in', ids)
            .execute(),
      )
    ).map((row) => [row.id, row]),
  );
  return rows.map((row) =>
    floatingIpFacts(
      row,
      ports.get(row.floating_port_id)?.mac_address ?? '',
      ports.get(row.fixed_port_id ?? ''),
    ),
  );
}

async function readGroups(db: Db, wanted: Iterable<string>): Promise<GroupFacts[]> {
  const rows = await pages(
    wanted,
    async (ids) =>
      await db.selectFrom('security_groups').selectAll().where('id', 'in', ids).execute(),
  );
  const rules = Map.groupBy(
    await pages(
      rows.map(({ id }) => id),
      async (ids) =>
        await db
          .selectFrom('security_group_rules')
          .selectAll()
          .where('security_group_id', 'in', ids)
          .execute(),
    ),
    ({ security_group_id }) => security_group_id,
  );
  return rows.map((row) => groupFacts(row, rules.get(row.id) ?? []));
}

// JSON columns hold the types named in tables.ts: the store checked them when it wrote.
const listIn = <T>(text: string): T[] => (text === '[]' ? [] : (JSON.parse(text) as T[]));

function networkFacts(row: NetworkRow): NetworkFacts {
  const isPhysical = row.network_type === 'flat' || row.network_type === 'vlan';
  return {
    id: row.id,
    name: row.name,
    mtu: row.mtu,
    dnsDomain: row.dns_domain,
    physical:
      isPhysical && row.physical_network !== null
        ? {
            network: row.physical_network,
            vlan: row.network_type === 'vlan' ? row.segmentation_id : null,
          }
        : null,
  };
}

function subnetFacts(
  row: SubnetRow,
  network: NetworkFacts,
  metadataIp: string | null,
): SubnetFacts {
  return {
    id: row.id,
    network,
    version: row.ip_version,
    cidr: row.cidr,
    gatewayIp: row.gateway_ip,
    dhcp: row.enable_dhcp === 1,
    dnsServers: listIn<string>(row.dns_nameservers_json).filter((server) => !isNoServer(server)),
    hostRoutes: listIn<Route>(row.host_routes_json),
    raMode: row.ipv6_ra_mode,
    addressMode: row.ipv6_address_mode,
    metadataIp,
  };
}

function portFacts(
  row: PortRow,
  network: NetworkFacts,
  fixedIps: readonly FixedIp[],
  groupIds: readonly string[],
  furtherHosts: readonly string[],
): PortFacts {
  return {
    id: row.id,
    name: row.name,
    projectId: row.project_id,
    network,
    mac: row.mac_address,
    adminUp: row.admin_state_up === 1,
    deviceId: row.device_id,
    deviceOwner: row.device_owner,
    host: row.binding_host_id,
    furtherHosts,
    fixedIps,
    status: row.status,
    portSecurity: row.port_security_enabled === 1,
    groupIds,
    allowedPairs: listIn<{ ip_address: string; mac_address?: string }>(
      row.allowed_address_pairs_json,
    ).map((pair) => ({ ip: pair.ip_address, mac: pair.mac_address ?? row.mac_address })),
    dhcpOptions: listIn<{ opt_name: string; opt_value: string; ip_version?: number }>(
      row.extra_dhcp_opts_json,
    ).map((option) => ({
      name: option.opt_name,
      value: option.opt_value,
      version: option.ip_version === 6 ? 6 : 4,
    })),
  };
}

function routerFacts(row: RouterRow, legs: readonly PortFacts[]): RouterFacts {
  return {
    id: row.id,
    name: row.name,
    adminUp: row.admin_state_up === 1,
    snat: row.enable_snat === 1,
    routes: listIn<Route>(row.routes_json),
    gateway: legs.find(({ id }) => id === row.gateway_port_id) ?? null,
    interfaces: legs.filter(({ id }) => id !== row.gateway_port_id),
  };
}

function floatingIpFacts(
  row: FloatingIpRow,
  mac: string,
  port: Pick<PortRow, 'binding_host_id' | 'device_id' | 'device_owner'> | undefined,
): FloatingIpFacts {
  const host = port?.binding_host_id ?? '';
  const serverId =
    port && port.device_id !== '' && port.device_owner.startsWith('compute:')
      ? port.device_id
      : null;
  const target =
    row.router_id !== null && row.fixed_port_id !== null && row.fixed_ip_address !== null
      ? {
          routerId: row.router_id,
          portId: row.fixed_port_id,
          ip: row.fixed_ip_address,
          host,
          serverId,
        }
      : null;
  return { id: row.id, ip: row.floating_ip_address, mac, target, status: row.status };
}

function groupFacts(row: SecurityGroupRow, rules: readonly SecurityGroupRuleRow[]): GroupFacts {
  return {
    id: row.id,
    name: row.name,
    stateful: row.stateful === 1,
    rules: rules.map((rule): RuleFacts => ({
      id: rule.id,
      direction: rule.direction,
      version: rule.ethertype === 'IPv6' ? 6 : 4,
      protocol: rule.protocol,
      portMin: rule.port_range_min,
      portMax: rule.port_range_max,
      remoteGroupId: rule.remote_group_id,
      remoteCidr: rule.normalized_cidr ?? rule.remote_ip_prefix,
    })),
  };
}
