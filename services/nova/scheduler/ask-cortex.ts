// Asks Cortex for the best hosts, in place of the scheduler's own filters and weighers. Some
// filters run here before, since only Nova's database has the current data: services that are up,
// hints, and server groups. Used by schedule-server.ts.
import type { Outcome } from '#contracts/common/fault.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { CortexRpc } from '#contracts/cortex/cortex-rpc.ts';
import { cortexTopic } from '#contracts/cortex/cortex-rpc.ts';
import type { NovaExternalRequest } from '#contracts/cortex/external-scheduler.ts';
import type { MigrationType } from '#contracts/nova/migration-states.ts';
import { rpcClient } from '#platform/bus/contract.ts';
import type { NovaDeps } from '../deps.ts';
import { flavorOf, imageOf } from '../domain/server-row.ts';
import type { Server } from '../store/servers.ts';
import { hintFilters } from './hints.ts';
import type { HostView, PlacementRequest, Selection } from './select-hosts.ts';
import { filters, selectHosts } from './select-hosts.ts';
import { groupFilters } from './server-groups.ts';

/** Cortex normally answers within milliseconds; after this time Nova decides by itself. */
const timeoutMs = 2_000;

/**
 * Limit of hosts in Cortex's answer. Only the best one is claimed; if that claim is lost, Cortex is
 * asked again.
 */
const mostCandidates = 10;

/** Applied by Nova before Cortex is asked. All other filters, such as the zone, are Cortex's. */
const ownFilters = [
  ...filters.filter(({ name }) => ['up', 'enabled', 'not tried before'].includes(name)),
  ...hintFilters,
  ...groupFilters,
];

export interface Placed {
  server: Server;
  /** Type of the move for which the host is chosen; undefined: a new server. */
  moveType: MigrationType | undefined;
}

/** A fault: Cortex does not answer, or has refused the request. */
export async function askCortex(
  { bus }: Pick<NovaDeps, 'bus'>,
  hosts: readonly HostView[],
  request: PlacementRequest,
  { server, moveType }: Placed,
  requestId: string,
): Promise<Outcome<Selection>> {
  const own = selectHosts(hosts, request, () => 0, ownFilters);
  if (own.hosts.length === 0) return own;
  const answer = await rpcClient<CortexRpc>(bus, cortexTopic).call(
    'chooseHosts',
    { request: externalRequest(own.hosts, request, server, moveType) },
    { timeoutMs, requestId },
  );
  if (isFault(answer)) return answer;
  const byName = new Map(own.hosts.map((view) => [view.host, view]));
  return {
    hosts: answer.hosts.flatMap((name) => byName.get(name) ?? []),
    left: own.left,
    why: answer.noHost ?? 'No host that has room fits.',
  };
}

/** Tells all processes of Cortex what the server has claimed, for their next decisions. */
export async function announceClaim(
  { bus }: Pick<NovaDeps, 'bus'>,
  claim: { serverId: string; nodeUuid: string },
  requestId: string,
): Promise<void> {
  await rpcClient<CortexRpc>(bus, cortexTopic).fanout('allocationsChanged', claim, { requestId });
}

/**
 * Tells all processes of Cortex that the server has claimed nothing, so that they free the place
 * they hold for it.
 */
export async function announceDroppedChoice(
  { bus }: Pick<NovaDeps, 'bus'>,
  serverId: string,
  requestId: string,
): Promise<void> {
  await rpcClient<CortexRpc>(bus, cortexTopic).fanout('choiceDropped', { serverId }, { requestId });
}

/**
 * Names of move types in the request to an external scheduler: nova/scheduler/external.py of SAP's
 * fork.
 */
const checkTypes: Readonly<Record<MigrationType, string>> = {
  resize: 'resize',
  migration: 'resize',
  'live-migration': 'live_migrate',
  evacuation: 'evacuate',
};

function externalRequest(
  hosts: readonly HostView[],
  { zone, excludedHosts, group, batch }: PlacementRequest,
  server: Server,
  moveType: MigrationType | undefined,
): NovaExternalRequest {
  const flavor = flavorOf(server);
  return {
    spec: {
      'nova_object.data': {
        instance_uuid: server.id,
        project_id: server.project_id,
        user_id: server.user_id,
        availability_zone: zone,
        num_instances: 1,
        is_bfv: server.image_id === null,
        ignore_hosts: [...excludedHosts],
        // The tenant's hints are not passed on: Nova's own filters have applied them
        scheduler_hints: {
          _nova_check_type: moveType === undefined ? 'create' : checkTypes[moveType],
          source_host: server.host ?? '',
        },
        flavor: {
          'nova_object.data': {
            flavorid: flavor.id,
            name: flavor.name,
            vcpus: flavor.vcpus,
            memory_mb: flavor.memoryMib,
            root_gb: flavor.diskGib,
            ephemeral_gb: flavor.ephemeralGib,
            swap: flavor.swapMib,
            extra_specs: flavor.extraSpecs,
          },
        },
        image: {
          'nova_object.data': {
            properties: { 'nova_object.data': imageOf(server)?.properties ?? {} },
          },
        },
        instance_group: group && {
          'nova_object.data': {
            uuid: group.id,
            policy: group.policy,
            members: [...group.members],
            // a host is listed once for each member on it
            hosts: [...group.membersOn].flatMap(([name, count]) =>
              Array.from({ length: count }, () => name),
            ),
            _rules: { max_server_per_host: group.maxPerHost },
          },
        },
      },
    },
    hosts: hosts.map((view) => ({ host: view.host })),
    weights: Object.fromEntries(hosts.map((view) => [view.host, 0])),
    options: { max_candidates: mostCandidates, ...(batch && { batch }) },
  };
}
