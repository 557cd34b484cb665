// Answers what hosts ask for: which guests they should have, which of them should run, and which
// images are in use. Agents reconcile their hosts accordingly (agents/nova-agent/reconcile.ts).
import type { Outcome } from '#contracts/common/fault.ts';
import type { ExpectedGuest } from '#contracts/nova/conductor-rpc.ts';
import type { GuestNic, GuestVolume } from '#contracts/nova/guest.ts';
import { serverLock } from '#contracts/nova/operations.ts';
import { powerState } from '#contracts/nova/server-states.ts';
import type { NovaDeps } from '../deps.ts';
import { guestVolume } from '../domain/guest-volume.ts';
import { guestNic } from '../domain/network-info.ts';
import { imageOf } from '../domain/server-row.ts';
import { interfaceStates } from '../domain/server-state.ts';
import { isForcedDown } from '../store/hosts.ts';
import { infoOf, nicsOfServers } from '../store/nics.ts';
import { openMigrationsOfHost } from '../store/server-migrations.ts';
import type { Server } from '../store/servers.ts';
import { busyAmong, serversOnHost } from '../store/servers.ts';
import { volumesOfServers } from '../store/volumes.ts';

/**
 * The guests that the host should have, and for each other guest in `uuids` whether to keep, stop
 * or remove it.
 */
export async function expectedGuests(
  deps: NovaDeps,
  { host, uuids }: { host: string; uuids: string[] },
): Promise<Outcome<{ guests: ExpectedGuest[] }>> {
  const { db } = deps.database;
  const own = await serversOnHost(db, host);
  // No guests are started on a host that is forced down, since its servers may be evacuated at any
  // moment.
  const mayStart = !(await isForcedDown(db, host));
  const moves = new Map(
    (await openMigrationsOfHost(db, host)).map((migration) => [migration.server_id, migration]),
  );
  const evacuated = (uuid: string): boolean => {
    const move = moves.get(uuid);
    return move?.type === 'evacuation' && move.source_host === host;
  };
  const leaves = (uuid: string): boolean => evacuated(uuid) && moves.get(uuid)?.status !== 'done';
  const idle = await atRest(deps, own);
  const [nics, volumes] = [await nicsAtRest(deps, idle), await volumesAtRest(deps, idle)];
  const guests = own.map((server): ExpectedGuest => ({
    uuid: server.id,
    // A host that was only unreachable must stop the guests that are being evacuated from it.
    want: leaves(server.id) ? 'stop' : mayStart && shouldRun(server) ? 'run' : 'keep',
    busy: server.task_state !== null && !leaves(server.id),
    nics: nics.get(server.id) ?? null,
    volumes: volumes.get(server.id) ?? null,
  }));
  const ownIds = new Set(own.map((server) => server.id));
  const strangers = uuids.filter((uuid) => !ownIds.has(uuid));
  if (strangers.length > 0) {
    // A server that is being moved or built may have a guest on this host before its row names the
    // host.
    const busy = await busyAmong(db, strangers);
    guests.push(
      ...strangers.map((uuid): ExpectedGuest => {
        const move = moves.get(uuid);
        // The evacuation is finished: the guest here is removed, whatever the server is doing
        // elsewhere.
        const isGone = evacuated(uuid) && !leaves(uuid);
        const want = move === undefined || isGone ? 'remove' : leaves(uuid) ? 'stop' : 'keep';
        return {
          uuid,
          want,
          // During a move, guest and disks here must be kept until the move is confirmed or
          // reverted.
          busy: want === 'keep' || (busy.has(uuid) && !evacuated(uuid)),
          nics: null,
          volumes: null,
        };
      }),
    );
  }
  return { guests };
}

const shouldRun = ({ vm_state, power_state }: Server): boolean =>
  vm_state === 'active' || (vm_state === 'resized' && power_state === powerState.running);

/** The servers with no operation in progress. */
async function atRest({ sagas }: NovaDeps, servers: readonly Server[]): Promise<Server[]> {
  const atWork = await sagas.busyKeys();
  return servers.filter(
    ({ id, task_state, vm_state }) =>
      task_state === null && interfaceStates.includes(vm_state) && !atWork.has(serverLock(id)),
  );
}

async function volumesAtRest(
  { database: { db } }: NovaDeps,
  idle: readonly Server[],
): Promise<Map<string, GuestVolume[]>> {
  const volumes = await volumesOfServers(
    db,
    idle.map(({ id }) => id),
  );
  return new Map(
    idle.map(({ id, host }) => [
      id,
      (volumes.get(id) ?? []).flatMap((row) => (row.host === host ? (guestVolume(row) ?? []) : [])),
    ]),
  );
}

async function nicsAtRest(
  { database: { db } }: NovaDeps,
  idle: readonly Server[],
): Promise<Map<string, GuestNic[]>> {
  const nics = await nicsOfServers(
    db,
    idle.map(({ id }) => id),
  );
  return new Map(
    idle.map((server) => [
      server.id,
      (nics.get(server.id) ?? []).flatMap((nic) => {
        const info = infoOf(nic);
        return info ? [guestNic(info, imageOf(server)?.properties['hw_vif_model'])] : [];
      }),
    ]),
  );
}

export async function imagesInUse(
  deps: NovaDeps,
  { host }: { host: string },
): Promise<{ imageIds: string[] }> {
  const ids = new Set<string>();
  for (const server of await serversOnHost(deps.database.db, host)) {
    const image = imageOf(server);
    for (const id of [image?.id, image?.kernel?.id, image?.ramdisk?.id])
      if (id !== undefined) ids.add(id);
  }
  return { imageIds: [...ids] };
}
