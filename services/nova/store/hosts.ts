// SQL of hosts: compute services, compute nodes, and zones by aggregate.
import type { HostFacts } from '#contracts/nova/guest.ts';
import { isUniqueViolation } from '#platform/db/errors.ts';
import { transaction } from '#platform/db/transaction.ts';
import type { Ids } from '#platform/ids.ts';
import { takeNumbers } from './servers.ts';
import type { NovaDb } from './servers.ts';
import type { ComputeNodeRow, ServiceRow } from './tables.ts';

export const computeBinary = 'nova-compute';

/**
 * Writes a service's heartbeat. Returns false if the service is not registered (never was, or was
 * deleted); only `registerService` creates its row.
 */
export async function touchService(
  db: NovaDb,
  binary: string,
  host: string,
  nowMs: number,
): Promise<boolean> {
  const updated = await db
    .updateTable('services')
    .set({ last_seen_ms: nowMs, stopped: 0 })
    .where('binary', '=', binary)
    .where('host', '=', host)
    .executeTakeFirst();
  return updated.numUpdatedRows > 0n;
}

export interface StartingService {
  binary: string;
  host: string;
  /** Initial state if the service is registered now; default: enabled. */
  disabled?: boolean | undefined;
}

/**
 * As `touchService`, but registers the service if it is unknown. Called at each heartbeat of
 * conductor and scheduler, and when the agent of a compute host starts.
 */
export async function registerService(
  db: NovaDb,
  service: StartingService,
  ids: Ids,
  nowMs: number,
): Promise<void> {
  const { binary, host } = service;
  if (await touchService(db, binary, host, nowMs)) return;
  try {
    await insertService(db, service, ids, nowMs);
  } catch (error) {
    // A concurrent process of this host has registered the service.
    if (!isUniqueViolation(error)) throw error;
    await touchService(db, binary, host, nowMs);
  }
}

async function insertService(
  db: NovaDb,
  { binary, host, disabled = false }: StartingService,
  ids: Ids,
  nowMs: number,
): Promise<void> {
  await transaction(db, async (trx) => {
    const [id] = await takeNumbers(trx, 'services', 1);
    await trx
      .insertInto('services')
      .values({
        id: id ?? 0,
        uuid: ids.uuid(),
        binary,
        host,
        disabled: disabled ? 1 : 0,
        // Upstream's text, nova/db/main/api.py
        disabled_reason: disabled ? 'New compute service disabled due to config option.' : null,
        forced_down: 0,
        stopped: 0,
        last_seen_ms: nowMs,
        created_at_ms: nowMs,
        updated_at_ms: nowMs,
      })
      .execute();
  });
}

/**
 * Marks a service as down at once, because its agent is stopping. No-op if it is not registered.
 */
export async function stopService(db: NovaDb, binary: string, host: string): Promise<void> {
  await db
    .updateTable('services')
    .set({ stopped: 1 })
    .where('binary', '=', binary)
    .where('host', '=', host)
    .execute();
}

/** Writes a host's latest facts and returns the id of its compute node, which never changes. */
export async function touchNode(
  db: NovaDb,
  host: string,
  facts: HostFacts,
  version: string,
  ids: Ids,
  nowMs: number,
): Promise<string> {
  const row = await db
    .selectFrom('compute_nodes')
    .select(['uuid', 'facts', 'version'])
    .where('host', '=', host)
    .executeTakeFirst();
  const text = JSON.stringify(facts);
  if (row) {
    if (row.facts !== text || row.version !== version)
      await db
        .updateTable('compute_nodes')
        .set({ facts: text, version, updated_at_ms: nowMs })
        .where('uuid', '=', row.uuid)
        .execute();
    return row.uuid;
  }
  const uuid = ids.uuid();
  await transaction(db, async (trx) => {
    const [id] = await takeNumbers(trx, 'compute_nodes', 1);
    await trx
      .insertInto('compute_nodes')
      .values({ uuid, id: id ?? 0, host, facts: text, version, updated_at_ms: nowMs })
      .execute();
  });
  return uuid;
}

export async function listServices(
  db: NovaDb,
  filter: { binary?: string; host?: string } = {},
): Promise<ServiceRow[]> {
  let query = db.selectFrom('services').selectAll().orderBy('id');
  if (filter.binary !== undefined) query = query.where('binary', '=', filter.binary);
  if (filter.host !== undefined) query = query.where('host', '=', filter.host);
  return await query.execute();
}

export async function listNodes(db: NovaDb): Promise<ComputeNodeRow[]> {
  return await db.selectFrom('compute_nodes').selectAll().orderBy('id').execute();
}

/** Compute node id (Placement's resource provider) -> host. */
export async function hostsByNode(db: NovaDb): Promise<Map<string, string>> {
  return new Map(
    (await db.selectFrom('compute_nodes').select(['uuid', 'host']).execute()).map((row) => [
      row.uuid,
      row.host,
    ]),
  );
}

/** Host -> availability zone, only for hosts in an aggregate with a zone. */
export async function zonesByHost(db: NovaDb): Promise<Map<string, string>> {
  const rows = await db
    .selectFrom('aggregate_hosts as member')
    .innerJoin('aggregates as a', 'a.id', 'member.aggregate_id')
    .select(['member.host', 'a.metadata'])
    .execute();
  const zones = new Map<string, string>();
  for (const row of rows) {
    const zone = (JSON.parse(row.metadata) as Record<string, string>)['availability_zone'];
    if (zone !== undefined) zones.set(row.host, zone);
  }
  return zones;
}

export type ServiceChange = Partial<
  Pick<ServiceRow, 'disabled' | 'disabled_reason' | 'forced_down'>
>;

/** A service is identified by host and binary, or by its uuid or numeric id. */
export type ServiceKey = { host: string; binary: string } | { uuid: string } | { id: number };

export async function findService(db: NovaDb, key: ServiceKey): Promise<ServiceRow | undefined> {
  const query = db.selectFrom('services').selectAll();
  if ('uuid' in key) return await query.where('uuid', '=', key.uuid).executeTakeFirst();
  if ('id' in key) return await query.where('id', '=', key.id).executeTakeFirst();
  return await query
    .where('host', '=', key.host)
    .where('binary', '=', key.binary)
    .executeTakeFirst();
}

/**
 * Whether the host's compute service is forced down, by an operator or the HA Service, regardless
 * of what its agent reports.
 */
export async function isForcedDown(db: NovaDb, host: string): Promise<boolean> {
  return (await findService(db, { host, binary: computeBinary }))?.forced_down === 1;
}

/** The changed service; undefined: it does not exist. */
export async function changeService(
  db: NovaDb,
  key: ServiceKey,
  change: ServiceChange,
  nowMs: number,
): Promise<ServiceRow | undefined> {
  const service = await findService(db, key);
  if (!service) return undefined;
  await db
    .updateTable('services')
    .set({ ...change, updated_at_ms: nowMs })
    .where('id', '=', service.id)
    .execute();
  return { ...service, ...change, updated_at_ms: nowMs };
}

/**
 * Deletes the service with its node and its memberships in aggregates. Returns false, and deletes
 * nothing, while servers are on the host. Idempotent.
 */
export async function deleteService(db: NovaDb, service: ServiceRow): Promise<boolean> {
  return await transaction(db, async (trx) => {
    if (service.binary === computeBinary) {
      const server = await trx
        .selectFrom('servers')
        .select('id')
        .where('host', '=', service.host)
        .where('deleted_at_ms', 'is', null)
        .limit(1)
        .executeTakeFirst();
      if (server) return false;
      await trx.deleteFrom('aggregate_hosts').where('host', '=', service.host).execute();
      await trx.deleteFrom('compute_nodes').where('host', '=', service.host).execute();
    }
    await trx.deleteFrom('services').where('id', '=', service.id).execute();
    return true;
  });
}

/** Sums of the servers' resources for each host, in one query. */
export async function hostUsages(db: NovaDb): Promise<Map<string, HostUsage>> {
  const rows = await db
    .selectFrom('servers')
    .select(({ fn }) => [
      'host',
      fn.countAll<number>().as('servers'),
      fn.count<number>('task_state').as('busy'),
      fn.sum<number>('vcpus').as('vcpus'),
      fn.sum<number>('memory_mib').as('memory'),
      fn.sum<number>('disk_gib').as('disk'),
    ])
    .where('host', 'is not', null)
    .where('deleted_at_ms', 'is', null)
    .groupBy('host')
    .execute();
  return new Map(
    rows.map((row) => [
      row.host ?? '',
      {
        servers: Number(row.servers),
        busy: Number(row.busy),
        vcpus: Number(row.vcpus),
        memoryMib: Number(row.memory),
        diskGib: Number(row.disk),
      },
    ]),
  );
}

export interface HostUsage {
  servers: number;
  /** Number of servers with a task state. */
  busy: number;
  vcpus: number;
  memoryMib: number;
  diskGib: number;
}

export const factsOf = (node: Pick<ComputeNodeRow, 'facts'>): HostFacts =>
  JSON.parse(node.facts) as HostFacts;

export async function findNode(db: NovaDb, host: string): Promise<ComputeNodeRow | undefined> {
  return await db
    .selectFrom('compute_nodes')
    .selectAll()
    .where('host', '=', host)
    .executeTakeFirst();
}

export async function serverNamesByHost(
  db: NovaDb,
): Promise<Map<string, { uuid: string; name: string }[]>> {
  const rows = await db
    .selectFrom('servers')
    .select(['id', 'name', 'host'])
    .where('host', 'is not', null)
    .where('deleted_at_ms', 'is', null)
    .orderBy('created_at_ms')
    .orderBy('id')
    .execute();
  const byHost = new Map<string, { uuid: string; name: string }[]>();
  for (const row of rows)
    byHost.set(row.host ?? '', [
      ...(byHost.get(row.host ?? '') ?? []),
      { uuid: row.id, name: row.name },
    ]);
  return byHost;
}
