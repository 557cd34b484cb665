// Handles reports from hosts: heartbeats, facts (capacity, CPU), and the states of guests. They
// correct idle servers only: a server with an operation in progress is left to its saga.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { ConductorRpc } from '#contracts/nova/conductor-rpc.ts';
import type { GuestState } from '#contracts/nova/guest.ts';
import { placementClient } from '#openstack/clients/placement.ts';
import type { NovaDeps } from '../deps.ts';
import { observed } from '../domain/server-state.ts';
import {
  computeBinary,
  isForcedDown,
  registerService,
  stopService,
  touchNode,
  touchService,
} from '../store/hosts.ts';
import { advanceMigration, openMigrationsOfHost } from '../store/server-migrations.ts';
import { changeDuring, serversOnHost, serversOnHostAmong } from '../store/servers.ts';
import { followGuests } from './live-migration/follow-guests.ts';

type HostReport = ConductorRpc['reportHost'];
type HostGuestsAnswer = ConductorRpc['reportGuests']['result'];

export async function reportHost(
  deps: NovaDeps,
  report: HostReport['params'],
): Promise<Outcome<HostReport['result']>> {
  const { db } = deps.database;
  const { clock, ids, config } = deps;
  const service = { binary: computeBinary, host: report.host };
  if (report.starting)
    await registerService(db, { ...service, disabled: report.startsDisabled }, ids, clock.now());
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
 * Corrects the states of idle servers. Returns the servers with an operation in progress: the agent
 * reports them again later, because the operation writes the state it intended, not what has become
 * of the guest since. A guest missing from a complete report was lost by its host and counts as
 * off.
 */
export async function reportGuests(
  deps: NovaDeps,
  report: { host: string; guests: { uuid: string; state: GuestState }[]; complete: boolean },
): Promise<HostGuestsAnswer> {
  const { db } = deps.database;
  const { clock, log } = deps;
  const reportedStates = new Map(report.guests.map((guest) => [guest.uuid, guest.state]));
  if (report.complete) await completeEvacuations(deps, report.host, reportedStates);
  // Reports from a host that is forced down are ignored: its servers are evacuated with the states
  // they had.
  if (await isForcedDown(db, report.host)) return { busy: [] };
  const servers = report.complete
    ? await serversOnHost(db, report.host)
    : await serversOnHostAmong(deps.database.db, report.host, [...reportedStates.keys()]);
  if (!report.complete) await followGuests(deps, report, servers);
  const busy: string[] = [];
  for (const server of servers) {
    const state = reportedStates.get(server.id) ?? (report.complete ? 'absent' : undefined);
    if (state === undefined) continue;
    const next = observed(
      { vmState: server.vm_state, powerState: server.power_state },
      state === 'absent' ? 'shutoff' : state,
    );
    if (server.task_state !== null) busy.push(server.id);
    if (!next || server.task_state !== null) continue;
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
  return { busy };
}

/**
 * Ends the evacuations from `host` whose guests are gone from it (the host is back), and releases
 * the allocations that the migrations hold on it.
 */
async function completeEvacuations(
  deps: NovaDeps,
  host: string,
  present: ReadonlyMap<string, GuestState>,
): Promise<void> {
  const { clock, ids, log } = deps;
  const { db } = deps.database;
  for (const migration of await openMigrationsOfHost(db, host)) {
    const { type, source_host, server_id } = migration;
    if (type !== 'evacuation' || source_host !== host || present.has(server_id)) continue;
    if (!(await advanceMigration(db, migration, 'completed', clock.now()))) continue;
    log.info({ server: server_id, host }, 'the source of an evacuation is cleaned up');
    const placement = placementClient(deps, { token: null, requestId: ids.requestId() });
    const released = await placement.release(migration.uuid);
    // If that fails, the task that reaps claims releases them later.
    if (isFault(released))
      log.warn({ server: server_id, host, why: released.message }, 'its claim is not given back');
  }
}
