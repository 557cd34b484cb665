// SQL of hosts: compute services, nodes, aggregates.
import type { Ids } from '#platform/ids.ts';
import type { HostFacts } from '#contracts/nova/guest.ts';
import { takeNumbers } from './servers.ts';
import type { NovaDb } from './servers.ts';
import type { ComputeNodeRow, ServiceRow } from './tables.ts';

export const computeBinary = 'nova-compute';

/** Marks a service as alive, registering it at first sight. Not seen by an API: its row is made here. */
export async function touchService(db: NovaDb, binary: string, host: string, ids: Ids, nowMs: number): Promise<void> {
  const seen = await db.updateTable('services').set({ last_seen_ms: nowMs }).where('binary', '=', binary).where('host', '=', host).executeTakeFirst();
  if (seen.numUpdatedRows > 0n) return;
  await db.transaction().execute(async (trx) => {
    const [id] = await takeNumbers(trx, 'services', 1);
    await trx.insertInto('services').values({
      id: id ?? 0, uuid: ids.uuid(), binary, host, disabled: 0, disabled_reason: null, forced_down: 0, last_seen_ms: nowMs, created_at_ms: nowMs, updated_at_ms: nowMs,
    }).execute();
  });
}

/** Keeps the newest facts of a host and answers its stable node id. */
export async function touchNode(db: NovaDb, host: string, facts: HostFacts, version: string, ids: Ids, nowMs: number): Promise<string> {
  const known = await db.selectFrom('compute_nodes').select(['uuid', 'facts', 'version']).where('host', '=', host).executeTakeFirst();
  const text = JSON.stringify(facts);
  if (known) {
    if (known.facts !== text || known.version !== version) await db.updateTable('compute_nodes').set({ facts: text, version, updated_at_ms: nowMs }).where('uuid', '=', known.uuid).execute();
    return known.uuid;
  }
  const uuid = ids.uuid();
  await db.transaction().execute(async (trx) => {
    const [id] = await takeNumbers(trx, 'compute_nodes', 1);
    await trx.insertInto('compute_nodes').values({ uuid, id: id ?? 0, host, facts: text, version, updated_at_ms: nowMs }).execute();
  });
  return uuid;
}

export async function listServices(db: NovaDb, filter: { binary?: string; host?: string } = {}): Promise<ServiceRow[]> {
  let query = db.selectFrom('services').selectAll().orderBy('id');
  if (filter.binary !== undefined) query = query.where('binary', '=', filter.binary);
  if (filter.host !== undefined) query = query.where('host', '=', filter.host);
  return await query.execute();
}

export async function listNodes(db: NovaDb): Promise<ComputeNodeRow[]> {
  return await db.selectFrom('compute_nodes').selectAll().orderBy('id').execute();
}

/** Placement provider -> host. */
export async function hostsByNode(db: NovaDb): Promise<Map<string, string>> {
  return new Map((await db.selectFrom('compute_nodes').select(['uuid', 'host']).execute()).map((row) => [row.uuid, row.host]));
}

/** Host -> availability zone, for hosts whose aggregate names one. */
export async function zonesByHost(db: NovaDb): Promise<Map<string, string>> {
  const rows = await db.selectFrom('aggregate_hosts as member').innerJoin('aggregates as a', 'a.id', 'member.aggregate_id').select(['member.host', 'a.metadata']).execute();
  const zones = new Map<string, string>();
  for (const row of rows) {
    const zone = (JSON.parse(row.metadata) as Record<string, string>)['availability_zone'];
    if (zone !== undefined) zones.set(row.host, zone);
  }
  return zones;
}
