// What hosts ask for: which guests they should hold, which of them are to run, and which images
// they use. Their agents act upon it (agents/nova-agent/reconcile.ts).
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

/** What the host should hold: its own servers, and a verdict on each of `uuids`. */
export async function expectedGuests(
  deps: NovaDeps,
  { host, uuids }: { host: string; uuids: string[] },
): Promise<Outcome<{ guests: ExpectedGuest[] }>> {
  const { db } = deps.database;
  const own = await serversOnHost(db, host);
  // What an operator calls down may be evacuated at any moment: nothing is started there.
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
    // A host that was only out of reach must not run what is being evacuated from it.
    want: leaves(server.id) ? 'stop' : mayStart && shouldRun(server) ? 'run' : 'keep',
    busy: server.task_state !== null && !leaves(server.id),
    nics: nics.get(server.id) ?? null,
    volumes: volumes.get(server.id) ?? null,
  }));
  const ownIds = new Set(own.map((server) => server.id));
  const strangers = uuids.filter((uuid) => !ownIds.has(uuid));
  if (strangers.length > 0) {
    // A server between hosts, or whose saga is at work, may be found before the database names its
    // host.
    const busy = await busyAmong(db, strangers);
    guests.push(
      ...strangers.map((uuid): ExpectedGuest => {
        const move = moves.get(uuid);
        // Evacuated for good: removed, whatever is being done with the server elsewhere.
        const isGone = evacuated(uuid) && !leaves(uuid);
        const want = move === undefined || isGone ? 'remove' : leaves(uuid) ? 'stop' : 'keep';
        return {
          uuid,
          want,
          // A move keeps what it has left here until it is confirmed or reverted.
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

/** Servers that nobody is changing. */
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
