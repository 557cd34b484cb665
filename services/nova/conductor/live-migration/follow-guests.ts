// Activates the destination's port bindings as soon as a host reports that a live-migrating guest
// has changed hosts, before the saga learns it: floating IPs are served where the port is active.
import { isFault } from '#contracts/common/fault.ts';
import type { GuestState } from '#contracts/nova/guest.ts';
import type { NovaDeps } from '../../deps.ts';
import { openMigrations } from '../../store/server-migrations.ts';
import type { Server } from '../../store/servers.ts';
import { activateNics } from './move-nics.ts';

export interface GuestReport {
  host: string;
  guests: readonly { uuid: string; state: GuestState }[];
}

/**
 * Activates the ports of the reported guests that are changing hosts: a guest that is paused on its
 * host, though its server is active and migrating, has handed over its memory; a guest that runs on
 * a host that is not its server's yet has arrived. If the migration fails, the saga brings the
 * ports back. `own`: the servers of the report whose rows name this host. nova.compute.manager,
 * handle_lifecycle_event.
 */
export async function followGuests(
  deps: NovaDeps,
  { host, guests }: GuestReport,
  own: readonly Server[],
): Promise<void> {
  const here = new Map(own.map((server) => [server.id, server]));
  for (const { uuid, state } of guests) {
    const server = here.get(uuid);
    const isLeaving =
      state === 'paused' && server?.task_state === 'migrating' && server.vm_state === 'active';
    const mayHaveArrived = state === 'running' && server === undefined;
    if (!isLeaving && !mayHaveArrived) continue;
    const move = (await openMigrations(deps.database.db, uuid)).find(
      ({ type, source_host: source, dest_host: destination }) =>
        type === 'live-migration' && (isLeaving ? source : destination) === host,
    );
    if (!move?.dest_host) continue;
    const requestId = deps.ids.requestId();
    const activated = await activateNics(deps, uuid, move.dest_host, { requestId });
    if (isFault(activated))
      deps.log.warn(
        { server: uuid, host: move.dest_host, why: activated.message },
        'the ports of a guest on its way follow when it has arrived',
      );
  }
}
