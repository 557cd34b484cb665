// Gathers what the scheduler needs (placement's candidates, hosts' states), asks the pure
// selection, claims the best that is still free.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { NovaDeps } from '../deps.ts';
import { requiredTraits } from '../domain/required-traits.ts';
import { isUp } from '../domain/service-state.ts';
import { candidates, claim } from '../placement.ts';
import type { Resources } from '../placement.ts';
import { computeBinary, hostsByNode, listServices, zonesByHost } from '../store/hosts.ts';
import type { Server } from '../store/servers.ts';
import { flavorOf } from '../store/servers.ts';
import type { HostView, Wanted } from './select-hosts.ts';
import { selectHosts, whyNone } from './select-hosts.ts';

// Claims lost to others before it is called a lack of room.
const maxClaims = 8;

// One decision at a time in a process: each sees the claims before it, so many servers at once
// spread as one after the other would.
const lastDecision = new WeakMap<NovaDeps, Promise<unknown>>();

export async function scheduleServer(
  deps: NovaDeps,
  ...args: [Server, Wanted, string]
): ReturnType<typeof decide> {
  const decision = (lastDecision.get(deps) ?? Promise.resolve()).then(
    async () => await decide(deps, ...args),
  );
  lastDecision.set(
    deps,
    decision.catch(() => undefined),
  );
  return await decision;
}

/**
 * Finds a host and claims its resources for the server. The allocation in Placement is the
 * decision: two schedulers never book the same room.
 */
async function decide(
  deps: NovaDeps,
  server: Server,
  wanted: Wanted,
  requestId: string,
): Promise<Outcome<{ host: string; nodeUuid: string }>> {
  const resources = resourcesOf(server);
  const found = await candidates(deps, resources, {
    ...requiredTraits(flavorOf(server).extraSpecs),
    requestId,
  });
  if (isFault(found)) return found;
  const {
    database: { db },
    config,
    clock,
    ids,
  } = deps;
  const [hostOfNode, services, zones, busy] = await Promise.all([
    hostsByNode(db),
    listServices(db, { binary: computeBinary }),
    zonesByHost(db),
    busyByHost(deps),
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
  const selection = selectHosts(hosts, wanted, () => ids.random());
  for (const view of selection.hosts.slice(0, maxClaims)) {
    const claimed = await claim(
      deps,
      { id: server.id, projectId: server.project_id, userId: server.user_id },
      view.candidate,
      requestId,
    );
    if (!isFault(claimed)) return { host: view.host, nodeUuid: view.nodeUuid };
    if (claimed.kind !== 'concurrentUpdate') return claimed;
  }
  return selection.hosts.length > 0
    ? fault(
        'concurrentUpdate',
        'No valid host was found. Every host with room was taken by others.',
      )
    : fault('conflict', whyNone(selection, hosts.length));
}

export function resourcesOf(server: Pick<Server, 'vcpus' | 'memory_mib' | 'disk_gib'>): Resources {
  return { VCPU: server.vcpus, MEMORY_MB: server.memory_mib, DISK_GB: server.disk_gib };
}

async function busyByHost({ database: { db } }: NovaDeps): Promise<Map<string, number>> {
  const rows = await db
    .selectFrom('servers')
    .select(({ fn }) => ['host', fn.countAll<number>().as('count')])
    .where('deleted_at_ms', 'is', null)
    .where('task_state', 'is not', null)
    .where('host', 'is not', null)
    .groupBy('host')
    .execute();
  return new Map(rows.map((row) => [row.host ?? '', Number(row.count)]));
}
