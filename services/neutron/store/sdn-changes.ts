// Reads the SDN journal, and finds the other objects whose OVN rows depend on a changed one. Called
// by the writer in ovn/.
import type { Kysely } from 'kysely';
import { gatewayOwner, isRouterPort, metadataOwner } from '../domain/port-owner.ts';
import { padded, pages, type Wanted } from './sdn-facts.ts';
import type { SdnChange, SdnSubject } from './sdn-journal.ts';
import type { NeutronTables } from './tables.ts';

type Db = Kysely<NeutronTables>;

export interface JournalEntry extends SdnChange {
  readonly seq: number;
}

export async function readChanges(db: Db, limit: number): Promise<JournalEntry[]> {
  const rows = await db.selectFrom('sdn_changes').selectAll().orderBy('seq').limit(limit).execute();
  return rows.map(({ seq, kind, subject_id }) => ({
    seq,
    kind: kind as SdnSubject,
    id: subject_id,
  })); // rows are inserted by markChanged alone
}

/** Deletes entries one by one, not "up to" a number: on MariaDB a lower number may commit later. */
export async function forgetChanges(db: Db, seqs: readonly number[]): Promise<void> {
  if (seqs.length > 0)
    await db
      .deleteFrom('sdn_changes')
      .where('seq', 'in', padded(seqs.map(String)).map(Number))
      .execute();
}

export async function countChanges(db: Db): Promise<number> {
  const { count } = await db
    .selectFrom('sdn_changes')
    .select((of) => of.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  return Number(count);
}

type Sets = Record<SdnSubject, Set<string>>;
export const noSubjects = (): Sets => ({
  network: new Set(),
  subnet: new Set(),
  port: new Set(),
  router: new Set(),
  floating_ip: new Set(),
  security_group: new Set(),
});

async function subnetsOfPorts(db: Db, portIds: readonly string[]): Promise<string[]> {
  const rows = await pages(
    portIds,
    async (ids) =>
      await db
        .selectFrom('ip_allocations')
        .select('subnet_id')
        .where('port_id', 'in', ids)
        .execute(),
  );
  return rows.map(({ subnet_id }) => subnet_id);
}

/** The changed objects, and all objects whose OVN rows contain something of them. */
export async function withDependents(db: Db, changed: Iterable<SdnChange>): Promise<Wanted> {
  const sets = noSubjects();
  for (const { kind, id } of changed) sets[kind].add(id);
  const add = (kind: SdnSubject, rows: readonly { id: string }[]): void =>
    rows.forEach(({ id }) => sets[kind].add(id));
  const [networks, subnets, ports] = [[...sets.network], [...sets.subnet], [...sets.port]];

  add(
    'subnet',
    await pages(
      networks,
      async (ids) =>
        await db.selectFrom('subnets').select('id').where('network_id', 'in', ids).execute(),
    ),
  );
  // The MTU is in router advertisements, and in the DHCP options of ports that have their own.
  const onNetworks = await pages(
    networks,
    async (ids) =>
      await db
        .selectFrom('ports')
        .select(['id', 'device_id', 'device_owner', 'extra_dhcp_opts_json'])
        .where('network_id', 'in', ids)
        .where((of) =>
          of.or([of('device_owner', 'like', 'network:%'), of('extra_dhcp_opts_json', '!=', '[]')]),
        )
        .execute(),
  );
  // Each port of a subnet refers to the subnet's DHCP options, if there are any.
  const onSubnets = await pages(
    subnets,
    async (ids) =>
      await db
        .selectFrom('ip_allocations')
        .innerJoin('ports', 'ports.id', 'ip_allocations.port_id')
        .select(['ports.id', 'device_id', 'device_owner'])
        .where('subnet_id', 'in', ids)
        .execute(),
  );
  add(
    'port',
    onNetworks.filter((port) => port.extra_dhcp_opts_json !== '[]'),
  );
  add('port', onSubnets);
  const changedPorts = await pages(
    ports,
    async (ids) =>
      await db
        .selectFrom('ports')
        .select(['id', 'device_id', 'device_owner'])
        .where('id', 'in', ids)
        .where('device_owner', 'like', 'network:%')
        .execute(),
  );
  for (const { device_id, device_owner } of [...onNetworks, ...onSubnets, ...changedPorts])
    if (isRouterPort(device_owner) && device_id !== '') sets.router.add(device_id);
  const metadataPorts = changedPorts
    .filter((port) => port.device_owner === metadataOwner)
    .map(({ id }) => id);
  for (const subnetId of await subnetsOfPorts(db, metadataPorts)) sets.subnet.add(subnetId);
  // Whether a floating IP is translated on the port's host or on the gateway's depends on the port.
  add(
    'floating_ip',
    await pages(
      ports,
      async (ids) =>
        await db
          .selectFrom('floating_ips')
          .select('id')
          .where('fixed_port_id', 'in', ids)
          .execute(),
    ),
  );
  return sets;
}

/** The wanted objects, and those that they refer to, in case OVN does not have these yet. */
export async function withParents(db: Db, wanted: Wanted): Promise<Wanted> {
  const sets: Sets = {
    network: new Set(wanted.network),
    subnet: new Set(wanted.subnet),
    port: new Set(wanted.port),
    router: new Set(wanted.router),
    floating_ip: new Set(wanted.floating_ip),
    security_group: new Set(wanted.security_group),
  };
  const ports = [...sets.port];
  for (const { network_id } of await pages(
    ports,
    async (ids) =>
      await db.selectFrom('ports').select('network_id').where('id', 'in', ids).execute(),
  ))
    sets.network.add(network_id);
  for (const subnetId of await subnetsOfPorts(db, ports)) sets.subnet.add(subnetId);
  for (const { security_group_id } of await pages(
    ports,
    async (ids) =>
      await db
        .selectFrom('port_security_groups')
        .select('security_group_id')
        .where('port_id', 'in', ids)
        .execute(),
  ))
    sets.security_group.add(security_group_id);
  for (const { router_id } of await pages(
    sets.floating_ip,
    async (ids) =>
      await db.selectFrom('floating_ips').select('router_id').where('id', 'in', ids).execute(),
  ))
    if (router_id !== null) sets.router.add(router_id);
  return sets;
}

const tableOf = {
  network: 'networks',
  subnet: 'subnets',
  port: 'ports',
  router: 'routers',
  floating_ip: 'floating_ips',
  security_group: 'security_groups',
} as const satisfies Record<SdnSubject, keyof NeutronTables>;

/** All objects. */
export async function allSubjects(db: Db): Promise<Wanted> {
  const sets = noSubjects();
  for (const [kind, table] of Object.entries(tableOf) as [
    SdnSubject,
    (typeof tableOf)[SdnSubject],
  ][]) {
    // Object.entries widens keys to string
    for (let last = ''; ;) {
      const page = await db
        .selectFrom(table)
        .select('id')
        .where('id', '>', last)
        .orderBy('id')
        .limit(5_000)
        .execute();
      for (const { id } of page) sets[kind].add(id);
      if (page.length < 5_000) break;
      last = page.at(-1)?.id ?? '';
    }
  }
  return sets;
}

/** Routers with a gateway: their rows depend on which chassis are alive. */
export async function gatewayRouters(db: Db): Promise<SdnChange[]> {
  const rows = await db
    .selectFrom('ports')
    .select('device_id')
    .where('device_owner', '=', gatewayOwner)
    .execute();
  return rows.map(({ device_id }) => ({ kind: 'router', id: device_id }));
}
