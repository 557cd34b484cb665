// A dry run for a host: how it would be fenced if it died now, which of its servers would be
// evacuated, in which order, and which hosts could take them.
import type { Outcome } from '#contracts/common/fault.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { HostPlan } from '#contracts/ha/wire.ts';
import type { HaApiDeps } from '../deps.ts';
import { targetsFor, recoveryPolicyFor } from '../recovery-facts.ts';
import { listHeartbeats } from '../store/heartbeats.ts';
import type { HostRow } from '../store/tables.ts';

export async function planFor(deps: HaApiDeps, { host }: HostRow): Promise<Outcome<HostPlan>> {
  const { nova, database } = deps;
  const servers = await nova.serversOn(host);
  if (isFault(servers)) return servers;
  const images = new Map<string, Record<string, string>>();
  const planned: HostPlan['servers'] = [];
  for (const server of servers) {
    const { isWanted, priority } = await recoveryPolicyFor(nova, server, images);
    planned.push({
      id: server.id,
      name: server.name,
      priority,
      action: isWanted ? 'evacuate' : 'ignored',
      why: isWanted ? `it is ${server.status}` : 'HA is off for it',
    });
  }
  const heartbeat = (await listHeartbeats(database.db)).find((each) => each.host === host);
  const bySelf = heartbeat?.self_fencing_ms == null ? null : 'storage';
  return {
    host,
    fencing: deps.hasBmc(host) ? 'redfish' : bySelf,
    servers: planned.sort((a, b) => b.priority - a.priority || (a.id < b.id ? -1 : 1)),
    targets: await targetsFor(deps, host),
  };
}
