// A server's move to another host as recorded by its migration: source, destination, old and new
// flavor, and the allocations in Placement. Used by the sagas of moves and by the task that reaps
// claims.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Consumer } from '#openstack/clients/placement.ts';
import { placementClient } from '#openstack/clients/placement.ts';
import type { NovaDeps } from '../deps.ts';
import { flavorOf } from '../domain/server-row.ts';
import type { ServerSize } from '../domain/server-size.ts';
import { sizeOf } from '../domain/server-size.ts';
import { factsOf, findNode } from '../store/hosts.ts';
import { findMigration } from '../store/server-migrations.ts';
import type { Server } from '../store/servers.ts';
import { findServer } from '../store/servers.ts';
import type { MigrationRow } from '../store/tables.ts';

/** A server with its migration record and both hosts. */
export interface Move {
  server: Server;
  migration: MigrationRow;
  source: string;
  /** '' until the scheduler has chosen a host. */
  dest: string;
  oldSize: ServerSize;
  newSize: ServerSize;
}

/** Reads the move. notFound: the server is deleted, or there is no such migration record. */
export async function moveOf(
  { database: { db } }: NovaDeps,
  input: { serverId: string; migrationId: string },
): Promise<Outcome<Move>> {
  const server = await findServer(db, input.serverId, null);
  const migration = await findMigration(db, input.migrationId);
  if (!server || !migration)
    return fault('notFound', `Instance ${input.serverId} could not be found.`);
  return {
    server,
    migration,
    source: migration.source_host ?? '',
    dest: migration.dest_host ?? '',
    oldSize: sizeOf(flavorOf({ flavor: migration.old_flavor }), server),
    newSize: sizeOf(flavorOf({ flavor: migration.new_flavor }), server),
  };
}

/** The columns of a migration record that describe the chosen destination. */
export async function destinationOf(
  { database: { db } }: NovaDeps,
  { host, nodeUuid }: { host: string; nodeUuid: string | null },
): Promise<Pick<MigrationRow, 'dest_host' | 'dest_node' | 'dest_ip'>> {
  const node = await findNode(db, host);
  const destIp = node ? factsOf(node).hostIp : null;
  return { dest_host: host, dest_node: nodeUuid, dest_ip: destIp };
}

export const consumerOf = (server: Server): Consumer => ({
  id: server.id,
  projectId: server.project_id,
  userId: server.user_id,
});

/**
 * Moves the allocation on the source host from the migration back to the server. Throws, to be
 * tried again, if Placement fails.
 */
export async function returnClaim(
  deps: NovaDeps,
  input: { serverId: string; migrationId: string },
  requestId: string,
): Promise<void> {
  const server = await findServer(deps.database.db, input.serverId, null);
  if (!server) return;
  const returned = await placementClient(deps, { token: null, requestId }).undoMove(
    consumerOf(server),
    input.migrationId,
  );
  if (isFault(returned)) throw new Error(`return the claim: ${returned.message}`);
}
