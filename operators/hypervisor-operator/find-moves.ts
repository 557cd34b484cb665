// Queries OpenStack and forecasts where the servers of a host could go. Used before an eviction and
// by `cobalt evict --plan` and `cobalt ha plan`. Read-only.
import type { Outcome } from '#contracts/common/fault.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { FleetHypervisor, FleetServer, NovaFleet } from '#openstack/clients/nova-fleet.ts';
import type { OperatorPlacement } from './deps.ts';
import type { Amounts, MovePlan, Mover, Room } from './domain/forecast-moves.ts';
import { planMoves } from './domain/forecast-moves.ts';

export interface MoveDeps {
  nova: Pick<NovaFleet, 'hypervisors' | 'serversOn'>;
  placement: Pick<OperatorPlacement, 'allocations' | 'candidates'>;
  /** Whether servers may be moved to this host; it must also be up and enabled in Nova. */
  isTarget(host: string): boolean;
  /** Whether the server has to move; default: all. */
  isMoved?(server: FleetServer): boolean;
}

export async function findMoves(deps: MoveDeps, host: string): Promise<Outcome<MovePlan>> {
  const fleet = await deps.nova.hypervisors();
  if (isFault(fleet)) return fleet;
  const targets = fleet.filter(
    ({ service, state, status }) =>
      service.host !== host &&
      state === 'up' &&
      status === 'enabled' &&
      deps.isTarget(service.host),
  );
  const servers = await deps.nova.serversOn(host);
  if (isFault(servers)) return servers;
  const source = fleet.find(({ service }) => service.host === host)?.id;
  const movers: Mover[] = [];
  for (const server of servers) {
    if (deps.isMoved?.(server) === false) continue;
    const mover = await moverOf(deps, server, source, targets);
    if (isFault(mover)) return mover;
    movers.push(mover);
  }
  return planMoves(movers, targets.length);
}

async function moverOf(
  { placement }: MoveDeps,
  server: FleetServer,
  source: string | undefined,
  targets: readonly FleetHypervisor[],
): Promise<Outcome<Mover>> {
  const allocations = await placement.allocations(server.id);
  if (isFault(allocations)) return allocations;
  const { ram, vcpus, extra_specs: specs = {} } = server.flavor;
  const needs: Amounts = allocations[source ?? ''] ?? { VCPU: vcpus, MEMORY_MB: ram };
  const traits = (wanted: string): string[] =>
    Object.entries(specs).flatMap(([key, value]) =>
      key.startsWith('trait:') && value === wanted ? [key.slice('trait:'.length)] : [],
    );
  const candidates = await placement.candidates(
    { VCPU: vcpus, MEMORY_MB: ram, ...needs },
    { required: traits('required'), forbidden: traits('forbidden') },
  );
  if (isFault(candidates)) return candidates;
  const rooms = candidates.flatMap(({ nodeUuid, capacity }): Room[] => {
    const target = targets.find(({ id }) => id === nodeUuid);
    return target ? [{ host: target.service.host, free: freeOf(capacity) }] : [];
  });
  return { server, needs, rooms };
}

const freeOf = (capacity: Readonly<Record<string, { capacity: number; used: number }>>): Amounts =>
  Object.fromEntries(
    Object.entries(capacity).map(([name, { capacity: all, used }]) => [name, all - used]),
  );
