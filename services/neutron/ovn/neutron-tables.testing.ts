// For tests of the OVN writer: fills Neutron's tables with the rows that the API would write.
import { randomUUID } from 'node:crypto';
import type { Insertable } from 'kysely';
import { ovnWriterTopic } from '#contracts/neutron/ovn-writer-rpc.ts';
import type { Role } from '#openstack/role.ts';
import { openDatabase, type Database, type DatabaseConfig } from '#platform/db/database.ts';
import { migrate } from '#platform/db/migrate.ts';
import { testDatabase } from '#platform/db/test-database.testing.ts';
import { silentLog } from '#platform/log.ts';
import { anyIngress } from '../domain/security-group-rule.testing.ts';
import { migrations } from '../store/migrations/index.ts';
import { unboundPort } from '../store/ports.ts';
import { markChanged, type SdnChange, type SdnSubject } from '../store/sdn-journal.ts';
import type {
  NetworkRow,
  NeutronTables,
  PortRow,
  RouterRow,
  SecurityGroupRuleRow,
  SubnetRow,
} from '../store/tables.ts';

const standard = (name: string) => ({
  id: randomUUID(),
  project_id: 'project',
  name,
  description: '',
  tags: '',
  revision_number: 1,
  created_at_ms: 1,
  updated_at_ms: 1,
});

export class NeutronWorld {
  readonly database: Database<NeutronTables>;
  #lastMac = 0;

  private constructor(database: Database<NeutronTables>) {
    this.database = database;
  }

  /** A database in memory, unless `config` names one. */
  static async open(config?: DatabaseConfig): Promise<NeutronWorld> {
    const database = openDatabase<NeutronTables>(
      config ?? (await testDatabase({ dialect: 'sqlite', path: ':memory:' })),
      { log: silentLog },
    );
    await migrate(database.db, database.dialect, 'neutron', migrations);
    return new NeutronWorld(database);
  }

  async close(): Promise<void> {
    await this.database.close();
  }

  async mark(...changes: [kind: SdnSubject, id: string][]): Promise<void> {
    await markChanged(
      this.database.db,
      changes.map(([kind, id]): SdnChange => ({ kind, id })),
    );
  }

  async network(change: Partial<NetworkRow> = {}): Promise<NetworkRow> {
    const row: NetworkRow = {
      ...standard('net'),
      admin_state_up: 1,
      shared: 0,
      external: 0,
      is_default: 0,
      mtu: 1442,
      network_type: 'geneve',
      physical_network: null,
      segmentation_id: 1,
      port_security_enabled: 1,
      dns_domain: '',
      availability_zone_hints_json: '[]',
      ...change,
    };
    await this.#insert('networks', row, ['network', row.id]);
    return row;
  }

  async subnet(
    network: NetworkRow,
    cidr: string,
    change: Partial<SubnetRow> = {},
  ): Promise<SubnetRow> {
    const row: SubnetRow = {
      ...standard('subnet'),
      network_id: network.id,
      ip_version: cidr.includes(':') ? 6 : 4,
      cidr,
      gateway_ip: cidr.replace(/(\.0)?\/.*/, cidr.includes(':') ? '1' : '.1'),
      enable_dhcp: 1,
      ipv6_ra_mode: null,
      ipv6_address_mode: null,
      allocation_pools_json: '[]',
      dns_nameservers_json: '[]',
      host_routes_json: '[]',
      subnetpool_id: null,
      ...change,
    };
    await this.#insert('subnets', row, ['subnet', row.id]);
    return row;
  }

  async port(
    network: NetworkRow,
    ips: readonly (readonly [SubnetRow, string])[],
    change: Partial<PortRow> = {},
    groupIds: readonly string[] = [],
  ): Promise<PortRow> {
    const mac = (this.#lastMac += 1)
      .toString(16)
      .padStart(6, '0')
      .replace(/(..)(..)(..)/, 'fa:16:3e:$1:$2:$3');
    const row: PortRow = {
      ...standard('port'),
      network_id: network.id,
      mac_address: mac,
      admin_state_up: 1,
      status: 'DOWN',
      device_id: '',
      device_owner: '',
      port_security_enabled: 1,
      ...unboundPort,
      ...change,
    };
    row.name = change.name ?? row.id; // ovn-trace names ports by name
    await this.#insert('ports', row, ['port', row.id]);
    const { db } = this.database;
    if (ips.length > 0)
      await db
        .insertInto('ip_allocations')
        .values(
          ips.map(([subnet, ip]) => ({
            subnet_id: subnet.id,
            ip_key: ip,
            ip,
            network_id: network.id,
            port_id: row.id,
          })),
        )
        .execute();
    if (groupIds.length > 0)
      await db
        .insertInto('port_security_groups')
        .values(groupIds.map((security_group_id) => ({ port_id: row.id, security_group_id })))
        .execute();
    return row;
  }

  async metadataPort(network: NetworkRow, subnet: SubnetRow, ip: string): Promise<PortRow> {
    return await this.port(network, [[subnet, ip]], {
      device_owner: 'network:distributed',
      device_id: `ovnmeta-${network.id}`,
      port_security_enabled: 0,
    });
  }

  /**
   * Adds a router. `inside`: each a network, a subnet and the router's address in it; `outside`
   * likewise.
   */
  async router(
    inside: readonly (readonly [NetworkRow, SubnetRow, string])[],
    outside: readonly [NetworkRow, SubnetRow, string] | null,
    change: Partial<RouterRow> = {},
  ): Promise<RouterRow> {
    const row: RouterRow = {
      ...standard('router'),
      admin_state_up: 1,
      gateway_port_id: null,
      gateway_network_id: null,
      enable_snat: 1,
      routes_json: '[]',
      availability_zone_hints_json: '[]',
      ...change,
    };
    const leg = async (
      [network, subnet, ip]: readonly [NetworkRow, SubnetRow, string],
      device_owner: string,
    ) =>
      await this.port(network, [[subnet, ip]], {
        device_id: row.id,
        device_owner,
        port_security_enabled: 0,
      });
    for (const each of inside) await leg(each, 'network:router_interface');
    if (outside) row.gateway_port_id = (await leg(outside, 'network:router_gateway')).id;
    if (outside) row.gateway_network_id = outside[0].id;
    await this.#insert('routers', row, ['router', row.id]);
    return row;
  }

  async floatingIp(
    outside: readonly [NetworkRow, SubnetRow, string],
    router: RouterRow,
    target: PortRow,
    fixedIp: string,
  ): Promise<string> {
    const [network, subnet, ip] = outside;
    const port = await this.port(network, [[subnet, ip]], { device_owner: 'network:floatingip' });
    const { name: _none, ...common } = standard('');
    const row = {
      ...common,
      floating_network_id: network.id,
      floating_ip_address: ip,
      floating_port_id: port.id,
      fixed_port_id: target.id,
      fixed_ip_address: fixedIp,
      router_id: router.id,
      status: 'DOWN' as const,
      dns_name: '',
      dns_domain: '',
    };
    await this.#insert('floating_ips', row, ['floating_ip', row.id]);
    return row.id;
  }

  async group(rules: readonly Partial<SecurityGroupRuleRow>[]): Promise<string> {
    const row = { ...standard('group'), stateful: 1, is_default: 0 };
    await this.#insert('security_groups', row, ['security_group', row.id]);
    for (const rule of rules) await this.rule(row.id, rule);
    return row.id;
  }

  async rule(groupId: string, change: Partial<SecurityGroupRuleRow>): Promise<string> {
    const { name: _none, tags: _noTags, ...common } = standard('');
    const row: SecurityGroupRuleRow = {
      ...common,
      security_group_id: groupId,
      ...anyIngress,
      normalized_cidr: change.remote_ip_prefix ?? null,
      ...change,
    };
    await this.#insert('security_group_rules', row, ['security_group', groupId]);
    return row.id;
  }

  async #insert<T extends keyof NeutronTables>(
    table: T,
    row: NeutronTables[T],
    change: [SdnSubject, string],
  ): Promise<void> {
    await this.database.db
      .insertInto(table)
      .values(row as Insertable<NeutronTables[T]>)
      .execute(); // a whole row is insertable
    await this.mark(change);
  }
}

/** Calls the writer's RPC handler `wake`, as the API does after a commit. */
export function wakeWriter(role: Pick<Role, 'rpc'>): void {
  const server = role.rpc.find(({ topic }) => topic === ovnWriterTopic);
  void server?.handlers['wake']?.({}, { requestId: 'req-1', attempt: 1, fence: null } as never);
}
