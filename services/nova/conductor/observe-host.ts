// What hosts report: that they live, what they have, how their guests are. Only wakes and corrects;
// sagas have the last word.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import type { ConductorRpc, ExpectedGuest } from '#contracts/nova/conductor-rpc.ts';
import type { GuestNic, GuestState, GuestVolume } from '#contracts/nova/guest.ts';
import { serverLock } from '#contracts/nova/operations.ts';
import type { NovaDeps } from '../deps.ts';
import { guestVolume } from '../domain/guest-volume.ts';
import { guestNic } from '../domain/network-info.ts';
import { imageOf } from '../domain/server-row.ts';
import { interfaceStates, observed } from '../domain/server-state.ts';
import {
  computeBinary,
  registerService,
  stopService,
  touchNode,
  touchService,
} from '../store/hosts.ts';
import { infoOf, nicsOfServers } from '../store/nics.ts';
import { busyAmong, serversOnHostAmong, changeDuring, serversOnHost } from '../store/servers.ts';
import type { Server } from '../store/servers.ts';
import { volumesOfServers } from '../store/volumes.ts';

type HostReport = ConductorRpc['reportHost'];

export async function reportHost(
  deps: NovaDeps,
  report: HostReport['params'],
): Promise<Outcome<HostReport['result']>> {
  const { db } = deps.database;
  const { clock, ids, config } = deps;
  if (report.starting) await registerService(db, computeBinary, report.host, ids, clock.now());
  else if (!(await touchService(db, computeBinary, report.host, clock.now()))) {
    return fault(
      'notFound',
      `The compute service of host ${report.host} was deleted; it comes back when its agent is started anew.`,
    );
  }
  const nodeUuid = await touchNode(db, report.host, report.facts, report.version, ids, clock.now());
  return { nodeUuid, intervalMs: config.heartbeatMs };
}

export async function agentStops(
  { database: { db }, log }: NovaDeps,
  { host }: { host: string },
): Promise<null> {
  await stopService(db, computeBinary, host);
  log.info({ host }, 'the agent of a host stops');
  return null;
}

/**
 * Corrects the states of idle servers. A guest missing from a complete report is off: its host lost
 * it.
 */
export async function reportGuests(
  deps: NovaDeps,
  report: { host: string; guests: { uuid: string; state: GuestState }[]; complete: boolean },
): Promise<null> {
  const { db } = deps.database;
  const { clock, log } = deps;
  const seen = new Map(report.guests.map((guest) => [guest.uuid, guest.state]));
  const servers = report.complete
    ? await serversOnHost(db, report.host)
    : await serversOnHostAmong(deps.database.db, report.host, [...seen.keys()]);
  for (const server of servers) {
    const state = seen.get(server.id) ?? (report.complete ? 'absent' : undefined);
    if (state === undefined || server.task_state !== null) continue;
    const next = observed(
      { vmState: server.vm_state, powerState: server.power_state },
      state === 'absent' ? 'shutoff' : state,
    );
    if (!next) continue;
    const changed = await changeDuring(
      db,
      server.id,
      [null],
      { vm_state: next.vmState, power_state: next.powerState },
      clock.now(),
    );
    if (changed && next.vmState !== server.vm_state)
      log.info(
        { server: server.id, host: report.host, from: server.vm_state, to: next.vmState },
        'server state follows its guest',
      );
  }
  return null;
}

/** What the host should hold: its own servers, and a verdict on each of `uuids`. */
export async function expectedGuests(
  deps: NovaDeps,
  { host, uuids }: { host: string; uuids: string[] },
): Promise<Outcome<{ guests: ExpectedGuest[] }>> {
  const { db } = deps.database;
  const own = await serversOnHost(db, host);
  const idle = await atRest(deps, own);
  const [nics, volumes] = [await nicsAtRest(deps, idle), await volumesAtRest(deps, idle)];
  const guests = own.map((server): ExpectedGuest => ({
    uuid: server.id,
    want: server.vm_state === 'active' ? 'run' : 'keep',
    busy: server.task_state !== null,
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
      ...strangers.map((uuid): ExpectedGuest => ({
        uuid,
        want: 'remove',
        busy: busy.has(uuid),
        nics: null,
        volumes: null,
      })),
    );
  }
  return { guests };
}

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
