// Gathers Placement's candidates and the states of hosts, has them filtered and weighed by pure
// code, and claims the best host that still has room.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { SchedulerRpc } from '#contracts/nova/scheduler-rpc.ts';
import { placementClient } from '#openstack/clients/placement.ts';
import type { NovaDeps } from '../deps.ts';
import { requiredTraits } from '../domain/required-traits.ts';
import { resourcesOf } from '../domain/resources.ts';
import { flavorOf, schedulerHintsOf } from '../domain/server-row.ts';
import { sizeOf } from '../domain/server-size.ts';
import { isUp } from '../domain/service-state.ts';
import { computeBinary, hostsByNode, listServices, zonesByHost } from '../store/hosts.ts';
import { reserveHost } from '../store/server-groups.ts';
import { findMigration } from '../store/server-migrations.ts';
import { busyByHost, findServer } from '../store/servers.ts';
import { askCortex, announceClaim, announceDroppedChoice } from './ask-cortex.ts';
import { hintFacts } from './hints.ts';
import type { HostView, PlacementRequest, Selection } from './select-hosts.ts';
import { selectHosts, whyNone } from './select-hosts.ts';
import { groupView } from './server-groups.ts';

// Claims that may fail because another scheduler took the resources, before the request fails.
const maxClaims = 8;
// Decisions for a server group that may be lost to concurrent ones. Each loss means that another
// decision was written, so there is progress.
const maxLostDecisions = 50;

type Decision = Outcome<{ host: string; nodeUuid: string }>;
type Params = SchedulerRpc['selectHost']['params'];
export type Schedule = (
  params: Params,
  request: { requestId: string; deadlineMs: number },
) => Promise<Decision>;

/** The caller's clock may be ahead: nothing is claimed this close to its deadline. */
const skewAllowanceMs = 5_000;

/**
 * Serializes the decisions of one process, so that each sees the allocations of those before and
 * many servers at once are spread evenly.
 */
export function createScheduling(deps: NovaDeps): Schedule {
  let last: Promise<unknown> = Promise.resolve();
  return async (...request) => {
    const decision = last.then(async () => await decideAndTell(deps, ...request));
    last = decision.catch(() => undefined);
    return await decision;
  };
}

/**
 * Reports the result to Cortex, which reserves the host that it has proposed until Nova reports
 * whether the host was claimed.
 */
async function decideAndTell(deps: NovaDeps, ...request: Parameters<Schedule>): Promise<Decision> {
  const [{ serverId }, { requestId }] = request;
  const decision = await decide(deps, ...request);
  if (!deps.config.asksCortex) return decision;
  if (isFault(decision)) await announceDroppedChoice(deps, serverId, requestId);
  else await announceClaim(deps, { serverId, nodeUuid: decision.nodeUuid }, requestId);
  return decision;
}

/** Guarantees and faults: see SchedulerRpc.selectHost. */
async function decide(
  deps: NovaDeps,
  { serverId, wanted, migration }: Params,
  { requestId, deadlineMs }: { requestId: string; deadlineMs: number },
): Promise<Decision> {
  const current = await findServer(deps.database.db, serverId, null);
  if (!current) return fault('notFound', `Instance ${serverId} could not be found.`);
  const move =
    migration === undefined ? undefined : await findMigration(deps.database.db, migration);
  if (migration !== undefined && !move)
    return fault('notFound', `Migration ${migration} could not be found.`);
  const server = move
    ? { ...current, ...sizeOf(flavorOf({ flavor: move.new_flavor }), current) }
    : current;
  const placement = placementClient(deps, { token: null, requestId });
  const candidates = await placement.candidates(
    resourcesOf(server),
    requiredTraits(flavorOf(server).extraSpecs),
  );
  if (isFault(candidates)) return candidates;
  const { db } = deps.database;
  const { config, clock, ids, log } = deps;
  const [hostOfNode, services, zones, busy] = await Promise.all([
    hostsByNode(db),
    listServices(db, { binary: computeBinary }),
    zonesByHost(db),
    busyByHost(db),
  ]);
  const serviceOf = new Map(services.map((service) => [service.host, service]));
  const hosts = candidates.flatMap((candidate): HostView[] => {
    const host = hostOfNode.get(candidate.nodeUuid);
    const service = host === undefined ? undefined : serviceOf.get(host);
    if (host === undefined || !service) return []; // provider without a compute service
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
  const hints = schedulerHintsOf(server);
  const facts = { hints, hintFacts: await hintFacts(db, hints, server.project_id) };
  const isWanted = (): boolean => clock.now() < deadlineMs - skewAllowanceMs;
  const consumer = { id: server.id, projectId: server.project_id, userId: server.user_id };
  const select = async (
    among: readonly HostView[],
    request: PlacementRequest,
  ): Promise<Selection> => {
    // Cortex is not asked for a host that the request names: only Nova's few filters apply.
    if (config.asksCortex && wanted.host === null) {
      const placed = { server, moveType: move?.type };
      const selection = await askCortex(deps, among, request, placed, requestId);
      if (!isFault(selection)) return selection;
      log.warn({ server: server.id, why: selection.message }, 'placed without Cortex');
    }
    return selectHosts(among, request, () => ids.random());
  };
  const contendedHosts = new Set<string>();
  for (
    let lostDecisions = 0;
    lostDecisions < maxLostDecisions && contendedHosts.size < maxClaims;
  ) {
    const group = await groupView(db, server, move?.type === 'evacuation' ? server.host : null);
    if (group?.undecidedMember !== undefined)
      return fault(
        'conflict',
        `No valid host was found. The host of server group ${group.id} is not known while its member ${group.undecidedMember} moves or has a resize to be confirmed or reverted.`,
      );
    const selection = await select(
      hosts.filter(({ host }) => !contendedHosts.has(host)),
      { ...wanted, ...facts, group },
    );
    const [best] = selection.hosts;
    if (!best) {
      if (contendedHosts.size > 0) break;
      return fault('conflict', whyNone(selection, hosts.length));
    }
    if (group) {
      if (!isWanted()) return fault('timeout', 'Nobody waits for this decision any more.');
      // Another decision for the group was written meanwhile, so this one may violate the policy:
      // decide again.
      if (!(await reserveHost(db, server.id, group, best.host))) {
        lostDecisions += 1;
        continue;
      }
    }
    const claim = move
      ? await placement.claimMove(consumer, move.uuid, best.candidate, isWanted)
      : await placement.claim(consumer, best.candidate, isWanted);
    if (!isFault(claim)) return { host: best.host, nodeUuid: best.nodeUuid };
    if (claim.kind !== 'concurrentUpdate') return claim;
    contendedHosts.add(best.host);
  }
  return fault(
    'concurrentUpdate',
    'No valid host was found. Every host with room was taken by others.',
  );
}
