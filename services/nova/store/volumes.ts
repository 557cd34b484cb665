// SQL of servers' block device mappings.
import { isLeftBehind } from './left-by-servers.ts';
import { rowsByServer } from './rows-by-server.ts';
import type { NovaDb } from './servers.ts';
import type { VolumeRow } from './tables.ts';

export type ServerVolume = VolumeRow;

/** The volumes of a server, ordered by device name, so the boot disk comes first. */
export async function volumesOf(db: NovaDb, serverId: string): Promise<ServerVolume[]> {
  return (await volumesOfServers(db, [serverId])).get(serverId) ?? [];
}

/** The volumes of several servers by server id; servers without volumes are left out. */
export const volumesOfServers = async (
  db: NovaDb,
  serverIds: readonly string[],
): Promise<Map<string, ServerVolume[]>> =>
  await rowsByServer(
    serverIds,
    async (ids) =>
      await db
        .selectFrom('server_volumes')
        .selectAll()
        .where('server_id', 'in', ids)
        .orderBy('device')
        .orderBy('id')
        .execute(),
  );

export async function findServerVolume(
  db: NovaDb,
  serverId: string,
  volumeId: string,
): Promise<ServerVolume | undefined> {
  return await db
    .selectFrom('server_volumes')
    .selectAll()
    .where('server_id', '=', serverId)
    .where('volume_id', '=', volumeId)
    .executeTakeFirst();
}

export async function findVolumeRow(db: NovaDb, id: string): Promise<ServerVolume | undefined> {
  return await db.selectFrom('server_volumes').selectAll().where('id', '=', id).executeTakeFirst();
}

/** The mappings of a volume in servers that are not deleted. */
export async function serversOfVolume(db: NovaDb, volumeId: string): Promise<ServerVolume[]> {
  return await db
    .selectFrom('server_volumes')
    .innerJoin('servers', 'servers.id', 'server_volumes.server_id')
    .selectAll('server_volumes')
    .where('volume_id', '=', volumeId)
    .where('servers.deleted_at_ms', 'is', null)
    .execute();
}

export async function insertServerVolumes(trx: NovaDb, rows: readonly VolumeRow[]): Promise<void> {
  if (rows.length > 0)
    await trx
      .insertInto('server_volumes')
      .values([...rows])
      .execute();
}

export async function changeServerVolume(
  db: NovaDb,
  id: string,
  change: Partial<
    Pick<VolumeRow, 'attachment_id' | 'connection' | 'host' | 'delete_on_termination'>
  >,
): Promise<void> {
  await db.updateTable('server_volumes').set(change).where('id', '=', id).execute();
}

export async function deleteServerVolume(db: NovaDb, id: string): Promise<void> {
  await db.deleteFrom('server_volumes').where('id', '=', id).execute();
}

/**
 * Volumes of servers that are deleted, or without a host after a failed build: their host or Cinder
 * was away when the volumes were to be released.
 */
export async function lostVolumes(db: NovaDb, limit: number): Promise<ServerVolume[]> {
  return await db
    .selectFrom('server_volumes')
    .innerJoin('servers', 'servers.id', 'server_volumes.server_id')
    .selectAll('server_volumes')
    .where((eb) => isLeftBehind(eb('server_volumes.attachment_id', 'is not', null)))
    .limit(limit)
    .execute();
}

/** Volumes that are connected to the server's host. */
export async function connectedVolumes(db: NovaDb, serverId: string): Promise<ServerVolume[]> {
  return (await volumesOf(db, serverId)).filter(({ connection }) => connection !== null);
}
