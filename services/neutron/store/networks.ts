// Networks and the segments that carry them.
import { sql } from 'kysely';
import type { Listing } from './list.ts';
import { standardColumns } from './standard.ts';
import type { NetworkRow, SubnetRow } from './tables.ts';
import type { NeutronDb, NeutronTrx } from './write.ts';

export const networkListing = {
  table: 'networks',
  columns: {
    ...standardColumns,
    admin_state_up: { column: 'admin_state_up', kind: 'bool' },
    shared: { column: 'shared', kind: 'bool' },
    'router:external': { column: 'external', kind: 'bool' },
    is_default: { column: 'is_default', kind: 'bool' },
    mtu: { column: 'mtu', kind: 'int' },
    'provider:network_type': { column: 'network_type', kind: 'text' },
    'provider:physical_network': { column: 'physical_network', kind: 'text' },
    'provider:segmentation_id': { column: 'segmentation_id', kind: 'int' },
    port_security_enabled: { column: 'port_security_enabled', kind: 'bool' },
    dns_domain: { column: 'dns_domain', kind: 'text' },
    availability_zone_hints: { column: 'availability_zone_hints_json', kind: 'json' },
  },
  special: {
    status: (values) => (values.includes('ACTIVE') ? sql<boolean>`1 = 1` : sql<boolean>`1 = 0`),
    subnets: (values) =>
      sql<boolean>`id in (select network_id from subnets where id in (${sql.join(values)}))`,
  },
  alsoVisible: () => sql<boolean>`shared = 1 or external = 1`,
} as const satisfies Listing;

export interface Segment {
  network_type: NetworkRow['network_type'];
  physical_network: string | null;
  segmentation_id: number | null;
}

/** The subnet ids of each network. */
export async function subnetIdsOf(
  db: NeutronDb,
  networkIds: readonly string[],
): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>();
  if (networkIds.length === 0) return found;
  for (const { id, network_id } of await db
    .selectFrom('subnets')
    .select(['id', 'network_id'])
    .where('network_id', 'in', networkIds)
    .orderBy('created_at_ms')
    .orderBy('id')
    .execute()) {
    found.set(network_id, [...(found.get(network_id) ?? []), id]);
  }
  return found;
}

export async function subnetsOf(db: NeutronDb, networkId: string): Promise<SubnetRow[]> {
  return await db
    .selectFrom('subnets')
    .selectAll()
    .where('network_id', '=', networkId)
    .orderBy('created_at_ms')
    .orderBy('id')
    .execute();
}

/** The id of the network that has this segment; undefined: it is free. */
export async function segmentHolder(
  db: NeutronDb,
  { network_type, physical_network, segmentation_id }: Segment,
): Promise<string | undefined> {
  return (
    await db
      .selectFrom('network_segments')
      .select('network_id')
      .where('network_type', '=', network_type)
      .where('physical_network', '=', physical_network ?? '')
      .where('segmentation_id', '=', segmentation_id ?? 0)
      .executeTakeFirst()
  )?.network_id;
}

/**
 * A free segmentation id from `min` to `max`; undefined: all are taken. Takes the one above the
 * highest; only when that exceeds `max` are gaps searched.
 */
export async function freeSegment(
  db: NeutronDb,
  type: string,
  physicalNetwork: string,
  min: number,
  max: number,
): Promise<number | undefined> {
  const segmentsInRange = () =>
    db
      .selectFrom('network_segments')
      .where('network_type', '=', type)
      .where('physical_network', '=', physicalNetwork)
      .where('segmentation_id', '>=', min);
  const last = await segmentsInRange()
    .select((eb) => eb.fn.max('segmentation_id').as('last'))
    .executeTakeFirst();
  const next = last?.last == null ? min : Number(last.last) + 1;
  if (next <= max) return next;
  const ids = new Set(
    (await segmentsInRange().select('segmentation_id').execute()).map(
      ({ segmentation_id }) => segmentation_id,
    ),
  );
  for (let id = min; id <= max; id += 1) if (!ids.has(id)) return id;
  return undefined;
}

export async function insertNetwork(trx: NeutronTrx, row: NetworkRow): Promise<void> {
  await trx
    .insertInto('network_segments')
    .values({
      network_type: row.network_type,
      physical_network: row.physical_network ?? '',
      segmentation_id: row.segmentation_id ?? 0,
      network_id: row.id,
    })
    .execute();
  await trx.insertInto('networks').values(row).execute();
}

/** Removes the network with its subnets; returns the subnets' ids. */
export async function eraseNetwork(trx: NeutronTrx, id: string): Promise<string[]> {
  const subnets = (await subnetIdsOf(trx, [id])).get(id) ?? [];
  await trx.deleteFrom('subnets').where('network_id', '=', id).execute();
  await trx.deleteFrom('network_segments').where('network_id', '=', id).execute();
  await trx.deleteFrom('networks').where('id', '=', id).execute();
  return subnets;
}

/** The default external network, used where a router names none. There is at most one. */
export async function defaultExternal(db: NeutronDb): Promise<string | undefined> {
  return (
    await db
      .selectFrom('networks')
      .select('id')
      .where('external', '=', 1)
      .where('is_default', '=', 1)
      .executeTakeFirst()
  )?.id;
}

export async function clearDefault(trx: NeutronTrx): Promise<void> {
  await trx
    .updateTable('networks')
    .set((eb) => ({ is_default: 0, revision_number: eb('revision_number', '+', 1) }))
    .where('is_default', '=', 1)
    .execute();
}

/** Whether projects other than the network's owner have ports or subnets on it. */
export async function othersUse(db: NeutronDb, network: NetworkRow): Promise<boolean> {
  const used = async (table: 'ports' | 'subnets') =>
    await db
      .selectFrom(table)
      .select('id')
      .where('network_id', '=', network.id)
      .where('project_id', 'not in', [network.project_id, ''])
      .limit(1)
      .executeTakeFirst();
  return (await used('ports')) !== undefined || (await used('subnets')) !== undefined;
}
