// Gathers what the scheduler needs (placement's candidates, hosts' states), asks the pure
// selection, claims the best that is still free.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Wanted } from '#contracts/nova/scheduler-rpc.ts';
import { placementClient } from '#openstack/clients/placement.ts';
import type { NovaDeps } from '../deps.ts';
import { requiredTraits } from '../domain/required-traits.ts';
import { resourcesOf } from '../domain/resources.ts';
import { flavorOf, schedulerHintsOf } from '../domain/server-row.ts';
import { isUp } from '../domain/service-state.ts';
import { computeBinary, hostsByNode, listServices, zonesByHost } from '../store/hosts.ts';
import { busyByHost, findServer } from '../store/servers.ts';
import type { HostView } from './select-hosts.ts';
import { selectHosts, whyNone } from './select-hosts.ts';

// Claims lost to others before it is given up.
const maxClaims = 8;

type Decision = Outcome<{ host: string; nodeUuid: string }>;
export type Schedule = (
  serverId: string,
  wanted: Wanted,
  request: { requestId: string; deadlineMs: number },
) => Promise<Decision>;

/** The caller's clock may be ahead of ours: before its deadline by this, nothing is claimed. */
const skewAllowanceMs = 5_000;

/**
 * One decision at a time in a process: each sees the claims before it, so many servers at once
 * spread as one after the other would.
 */
export function createScheduling(deps: NovaDeps): Schedule {
  let last: Promise<unknown> = Promise.resolve();
  return async (...request) => {
    const decision = last.then(async () => await decide(deps, ...request));
    last = decision.catch(() => undefined);
    return await decision;
  };
}

/** See SchedulerRpc.selectHost. */
async function decide(
  deps: NovaDeps,
  serverId: string,
  wanted: Wanted,
  { requestId, deadlineMs }: { requestId: string; deadlineMs: number },
): Promise<Decision> {
  const server = await findServer(deps.database.db, serverId, null);
  if (!server) return fault('notFound', `Instance ${serverId} could not be found.`);
  const placement = placementClient(deps, { token: null, requestId });
  const found = await placement.candidates(
    resourcesOf(server),
    requiredTraits(flavorOf(server).extraSpecs),
  );
  if (isFault(found)) return found;
  const { db } = deps.database;
  const { config, clock, ids } = deps;
  const [hostOfNode, services, zones, busy] = await Promise.all([
    hostsByNode(db),
    listServices(db, { binary: computeBinary }),
    zonesByHost(db),
    busyByHost(db),
  ]);
  const serviceOf = new Map(services.map((service) => [service.host, service]));
  const hosts = found.flatMap((candidate): HostView[] => {
    const host = hostOfNode.get(candidate.nodeUuid);
    const service = host === undefined ? undefined : serviceOf.get(host);
    if (host === undefined || !service) return []; // a provider that is no compute host
    return [
      {
        host,
        nodeUuid: candidate.nodeUuid,
        zone: zones.get(host) ?? config.defaultZone,
        enabled: service.disabled === 0,
        up: isUp(service, clock.now(), config),
        busy: busy.get(host) ?? 0,
        candidate,
      },
    ];
  });
  const selection = selectHosts(hosts, { ...wanted, hints: schedulerHintsOf(server) }, () =>
    ids.random(),
  );
  for (const view of selection.hosts.slice(0, maxClaims)) {
    const claim = await placement.claim(
      { id: server.id, projectId: server.project_id, userId: server.user_id },
      view.candidate,
      () => clock.now() < deadlineMs - skewAllowanceMs,
    );
    if (!isFault(claim)) return { host: view.host, nodeUuid: view.nodeUuid };
    if (claim.kind !== 'concurrentUpdate') return claim;
  }
  return selection.hosts.length > 0
    ? fault(
        'concurrentUpdate',
        'No valid host was found. Every host with room was taken by others.',
      )
    : fault('conflict', whyNone(selection, hosts.length));
}
