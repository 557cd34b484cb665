// SQL of servers' interfaces and of the network info cache.
import type { NicInfo } from '../domain/network-info.ts';
import { isLeftBehind } from './left-by-servers.ts';
import { rowsByServer } from './rows-by-server.ts';
import type { NovaDb } from './servers.ts';
import type { NicRow } from './tables.ts';

export type Nic = NicRow;

/** The interfaces of a server, in the order of the guest's interfaces. */
export async function nicsOf(db: NovaDb, serverId: string): Promise<Nic[]> {
  return await db
    .selectFrom('server_nics')
    .selectAll()
    .where('server_id', '=', serverId)
    .orderBy('seq')
    .execute();
}

/** The interfaces of several servers by server id; servers without interfaces are left out. */
export const nicsOfServers = async (
  db: NovaDb,
  serverIds: readonly string[],
): Promise<Map<string, Nic[]>> =>
  await rowsByServer(
    serverIds,
    async (ids) =>
      await db
        .selectFrom('server_nics')
        .selectAll()
        .where('server_id', 'in', ids)
        .orderBy('seq')
        .execute(),
  );

export async function findNic(
  db: NovaDb,
  serverId: string,
  portId: string,
): Promise<Nic | undefined> {
  return await db
    .selectFrom('server_nics')
    .selectAll()
    .where('server_id', '=', serverId)
    .where('port_id', '=', portId)
    .executeTakeFirst();
}

export async function insertNics(trx: NovaDb, rows: readonly NicRow[]): Promise<void> {
  if (rows.length > 0)
    await trx
      .insertInto('server_nics')
      .values([...rows])
      .execute();
}

/** The next interface number. `trx` must hold the server's lock. */
export async function nextSeq(trx: NovaDb, serverId: string): Promise<number> {
  const last = await trx
    .selectFrom('server_nics')
    .select('seq')
    .where('server_id', '=', serverId)
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst();
  return (last?.seq ?? -1) + 1;
}

export async function changeNic(
  db: NovaDb,
  nic: Pick<Nic, 'server_id' | 'seq'>,
  change: Partial<Pick<Nic, 'port_id' | 'info'>>,
): Promise<void> {
  await db
    .updateTable('server_nics')
    .set(change)
    .where('server_id', '=', nic.server_id)
    .where('seq', '=', nic.seq)
    .execute();
}

export async function deleteNic(db: NovaDb, nic: Pick<Nic, 'server_id' | 'seq'>): Promise<void> {
  await db
    .deleteFrom('server_nics')
    .where('server_id', '=', nic.server_id)
    .where('seq', '=', nic.seq)
    .execute();
}

export async function deleteNics(db: NovaDb, serverId: string): Promise<void> {
  await db.deleteFrom('server_nics').where('server_id', '=', serverId).execute();
}

/** Writes the cached addresses that the API shows. The server's `updated` time is not changed. */
export async function writeAddresses(
  db: NovaDb,
  serverId: string,
  addresses: string,
  securityGroups: string,
): Promise<void> {
  await db
    .updateTable('servers')
    .set({ addresses, security_groups: securityGroups })
    .where('id', '=', serverId)
    .where('deleted_at_ms', 'is', null)
    .where((eb) =>
      eb.or([eb('addresses', '!=', addresses), eb('security_groups', '!=', securityGroups)]),
    )
    .execute();
}

/**
 * The next `limit` servers with interfaces after `afterId`, ordered by id, not deleted: for tasks
 * that visit all servers.
 */
export async function serversWithNics(
  db: NovaDb,
  afterId: string,
  limit: number,
): Promise<string[]> {
  const rows = await db
    .selectFrom('servers')
    .select('id')
    .where('deleted_at_ms', 'is', null)
    .where('task_state', 'is', null)
    .where('id', '>', afterId)
    .where((eb) =>
      eb.exists(
        eb
          .selectFrom('server_nics')
          .select('seq')
          .whereRef('server_nics.server_id', '=', 'servers.id'),
      ),
    )
    .orderBy('id')
    .limit(limit)
    .execute();
  return rows.map(({ id }) => id);
}

/**
 * Servers that still have ports though they are deleted, or without a host after a failed build:
 * Neutron was away when the ports were to be released.
 */
export async function serversWithLostPorts(db: NovaDb, limit: number): Promise<string[]> {
  const rows = await db
    .selectFrom('server_nics')
    .innerJoin('servers', 'servers.id', 'server_nics.server_id')
    .select('servers.id')
    .distinct()
    .where((eb) =>
      isLeftBehind(
        eb.and([
          eb('server_nics.port_id', 'is not', null),
          eb.or([eb('server_nics.given', '=', 0), eb('server_nics.info', 'is not', null)]),
        ]),
      ),
    )
    .limit(limit)
    .execute();
  return rows.map(({ id }) => id);
}

export const infoOf = (nic: Pick<Nic, 'info'>): NicInfo | null =>
  // Written by conductor/connect-nics.ts.
  nic.info === null ? null : (JSON.parse(nic.info) as NicInfo);

/** The interfaces that have a port, for the guest spec. */
export async function connectedNics(db: NovaDb, serverId: string) {
  return (await nicsOf(db, serverId)).flatMap((nic) => {
    const info = infoOf(nic);
    return info ? [{ seq: nic.seq, tag: nic.tag, info }] : [];
  });
}
