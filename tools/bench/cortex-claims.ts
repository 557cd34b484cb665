// Decisions of Cortex, each with its claim in a Placement on SQLite, for cortex.ts: what Nova's
// scheduler asks of both for a server, without Nova. A chosen host's resources stay reserved in
// Cortex until the claim is seen.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isFault } from '#contracts/common/fault.ts';
import type { NovaExternalRequest } from '#contracts/cortex/external-scheduler.ts';
import { systemIds } from '#platform/ids.ts';
import { cortexDefaults } from '#services/cortex/deps.ts';
import type { Fleet } from '#services/cortex/domain/fleet/fleet.ts';
import type { HostFacts } from '#services/cortex/domain/fleet/host-facts.ts';
import { defaultPipelines } from '#services/cortex/domain/pipeline/default-pipelines.ts';
import { parseNovaRequest } from '#services/cortex/domain/request/parse-nova-request.ts';
import { Scheduling } from '#services/cortex/domain/scheduling.ts';
import type { PlacementFixture } from '#services/placement/api/placement.testing.ts';
import { claimOf, startPlacement } from '#services/placement/api/placement.testing.ts';
import { addInventory } from '#services/placement/store/inventories.ts';
import { insertProvider } from '#services/placement/store/providers.ts';

/**
 * Number of concurrent clients: as many as in the race for the last places of
 * test/sim/cortex-races.test.ts.
 */
const clients = 64;
const warmUp = 1_000;
const perRound = 1_000;

/** Requests placed (decided by Cortex and claimed in Placement), in the best round. */
export interface ClaimRates {
  /** Per second of elapsed time. */
  perSecond: number;
  /** Per second of CPU time of this process. */
  cpuPerSecond: number;
}

export async function decideAndClaim(
  fleet: Fleet,
  hosts: readonly HostFacts[],
  requests: readonly NovaExternalRequest[],
): Promise<ClaimRates> {
  const dir = await mkdtemp(join(tmpdir(), 'cobalt-bench-'));
  const placement = await startPlacement({
    dialect: 'sqlite',
    path: join(dir, 'placement.db'),
    // As in an embedded cloud.
    synchronous: 'NORMAL',
  });
  try {
    const providerOf = await insertHosts(placement, hosts);
    const scheduling = new Scheduling(fleet, { ...cortexDefaults, limitHostsToRequest: false });
    for (const [name, spec] of Object.entries(defaultPipelines)) scheduling.setPipeline(name, spec);
    const place = placer(placement, scheduling, providerOf);
    await placeAll(place, requests.slice(0, warmUp));
    const rounds: ClaimRates[] = [];
    for (let from = warmUp; from + perRound <= requests.length; from += perRound)
      rounds.push(await placeAll(place, requests.slice(from, from + perRound)));
    // The best round: others were disturbed more by other processes.
    const best = (of: keyof ClaimRates): number => Math.max(...rounds.map((round) => round[of]));
    return { perSecond: best('perSecond'), cpuPerSecond: best('cpuPerSecond') };
  } finally {
    await placement.close();
    await rm(dir, { recursive: true });
  }
}

async function placeAll(
  place: (request: NovaExternalRequest) => Promise<boolean>,
  requests: readonly NovaExternalRequest[],
): Promise<ClaimRates> {
  const [cpuBefore, startMs] = [process.cpuUsage(), performance.now()];
  const left = requests.slice();
  let placed = 0;
  const client = async (): Promise<void> => {
    for (let request = left.pop(); request; request = left.pop())
      if (await place(request)) placed += 1;
  };
  await Promise.all(Array.from({ length: clients }, client));
  const { user, system } = process.cpuUsage(cpuBefore);
  return {
    perSecond: (placed * 1e3) / (performance.now() - startMs),
    cpuPerSecond: (placed * 1e6) / (user + system),
  };
}

/**
 * Inserts the hosts' capacities as inventories, with their use as `reserved`. Returns provider ids
 * by host.
 */
export async function insertHosts(
  { database: { db } }: PlacementFixture,
  hosts: readonly HostFacts[],
): Promise<ReadonlyMap<string, string>> {
  const providerOf = new Map<string, string>();
  for (const { name, resources } of hosts) {
    const uuid = systemIds.uuid();
    providerOf.set(name, uuid);
    await insertProvider(db, { uuid, name, parentUuid: null }, 0);
    for (const [resourceClass, { capacity, used }] of Object.entries(resources))
      await addInventory(db, uuid, resourceClass, {
        total: capacity,
        reserved: Math.min(used, capacity),
        min_unit: 1,
        max_unit: capacity,
        step_size: 1,
        allocation_ratio: 1,
      });
  }
  return providerOf;
}

/**
 * Makes a function that places one server as Nova's scheduler and Cortex do: decides, claims, and
 * updates the fleet.
 */
function placer(
  placement: PlacementFixture,
  scheduling: Scheduling,
  providerOf: ReadonlyMap<string, string>,
) {
  const { fleet, inFlight } = scheduling;
  return async (request: NovaExternalRequest): Promise<boolean> => {
    const choice = scheduling.decideNova(request, 0);
    if (isFault(choice)) throw new Error(choice.message);
    const [host] = choice.hosts;
    if (host === undefined) return false;
    const { serverId, resources } = parseNovaRequest(request);
    const wanted = Object.fromEntries([...resources].filter(([, amount]) => amount > 0));
    const { status, body } = await placement.ask(
      'PUT',
      `/allocations/${systemIds.uuid()}`,
      claimOf(providerOf.get(host) ?? '', wanted),
    );
    if (status !== 204) throw new Error(`the claim was refused: ${JSON.stringify(body)}`);
    const position = fleet.positionOf(host) ?? 0;
    inFlight.release(serverId);
    const used: Record<string, number> = {};
    for (const [name, amount] of resources) {
      const column = fleet.resource(name);
      used[name] = (column.used[position] ?? 0) - (column.inFlight[position] ?? 0) + amount;
    }
    fleet.applyUsage(host, used);
    return true;
  };
}
