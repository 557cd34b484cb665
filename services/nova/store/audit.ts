// Reads Nova's part of the comparison that `cobalt doctor --audit` makes between services and
// hosts.
import type { NovaAudit } from '#contracts/nova/audit.ts';
import type { NovaDeps } from '../deps.ts';
import { isOver, openStatuses } from '../domain/migration-status.ts';
import { resourcesOf } from '../domain/resources.ts';

export async function novaAudit({
  database: { db },
  sagas,
  clock,
}: Pick<NovaDeps, 'database' | 'sagas' | 'clock'>): Promise<NovaAudit> {
  const servers = await db
    .selectFrom('servers')
    .selectAll()
    .where('deleted_at_ms', 'is', null)
    .execute();
  const unfinished = await sagas.unfinished();
  const nics = await db
    .selectFrom('server_nics')
    .innerJoin('servers', 'servers.id', 'server_nics.server_id')
    .select(['server_id', 'port_id'])
    .where('servers.deleted_at_ms', 'is', null)
    .where('info', 'is not', null)
    .execute();
  const volumes = await db
    .selectFrom('server_volumes')
    .innerJoin('servers', 'servers.id', 'server_volumes.server_id')
    .select(['server_id', 'volume_id', 'attachment_id', 'connection'])
    .where('servers.deleted_at_ms', 'is', null)
    .execute();
  const migrations = await db
    .selectFrom('migrations')
    .selectAll()
    .where('status', 'in', openStatuses)
    .execute();
  return {
    moves: migrations
      .filter(({ type, status }) => !isOver(type, status))
      .map(({ uuid, server_id, source_host, dest_host }) => ({
        uuid,
        serverId: server_id,
        hosts: [source_host, dest_host].filter((host) => host !== null),
      })),
    volumes: volumes.map((row) => ({
      serverId: row.server_id,
      volumeId: row.volume_id,
      attachmentId: row.attachment_id,
      connected: row.connection !== null,
    })),
    interfaces: nics.flatMap((nic) =>
      nic.port_id === null ? [] : [{ serverId: nic.server_id, portId: nic.port_id }],
    ),
    servers: servers.map((server) => ({
      id: server.id,
      name: server.name,
      vmState: server.vm_state,
      taskState: server.task_state,
      powerState: server.power_state,
      host: server.host,
      nodeUuid: server.node,
      groupId: server.server_group_id,
      resources: Object.fromEntries(
        Object.entries(resourcesOf(server)).filter(([, amount]) => amount > 0),
      ),
    })),
    groups: (await db.selectFrom('server_groups').selectAll().execute()).map((group) => ({
      id: group.id,
      policy: group.policy,
      maxPerHost: group.max_server_per_host ?? 1,
    })),
    nodes: await db.selectFrom('compute_nodes').select(['uuid', 'host']).execute(),
    sagas: unfinished.map((saga) => ({
      id: saga.id,
      name: saga.name,
      lockKey: saga.lock_key,
      phase: saga.phase,
      ageMs: clock.now() - saga.created_at_ms,
    })),
  };
}
