// Finds targets for the servers of a host, by the running cloud's public APIs only. For `cobalt
// evict --plan` and `cobalt ha plan`; the operator makes the same check before it evicts.
import type { Outcome } from '#contracts/common/fault.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { HostPlan } from '#contracts/ha/wire.ts';
import { hypervisors } from '#contracts/kube/kinds.ts';
import { itself } from '#openstack/clients/call.ts';
import type { FleetServer } from '#openstack/clients/nova-fleet.ts';
import { novaFleetClient } from '#openstack/clients/nova-fleet.ts';
import { placementClient } from '#openstack/clients/placement.ts';
import { createSocketClient } from '#openstack/http/client.ts';
import { mayTake } from '#operators/hypervisor-operator/domain/eviction.ts';
import type { MovePlan } from '#operators/hypervisor-operator/domain/forecast-moves.ts';
import type { MoveDeps } from '#operators/hypervisor-operator/find-moves.ts';
import { findMoves } from '#operators/hypervisor-operator/find-moves.ts';
import { systemClock } from '#platform/clock.ts';
import type { Kube } from '#ports/kube.ts';
import { adminSession } from './admin-session.ts';
import { readSecrets } from './home.ts';

/** The plan for evicting all servers of a host. `origin`: address of the cloud in `homeDir`. */
export async function planEviction(
  { homeDir, origin, kube }: { homeDir: string; origin: string; kube: Kube },
  host: string,
): Promise<Outcome<MovePlan>> {
  const all = await kube.list(hypervisors);
  if (isFault(all)) return all;
  const isTarget = (name: string): boolean =>
    mayTake(all.find(({ metadata }) => metadata.name === name));
  return await findMoves({ ...(await clientsOf({ homeDir, origin })), isTarget }, host);
}

/** The plan for the servers that the HA Service would evacuate, to the targets that it allows. */
export async function planRecovery(
  cloud: { homeDir: string; origin: string },
  { host, targets, servers }: HostPlan,
): Promise<Outcome<MovePlan>> {
  const moved = new Set(servers.flatMap(({ id, action }) => (action === 'evacuate' ? [id] : [])));
  const deps = {
    ...(await clientsOf(cloud)),
    isTarget: (name: string) => targets.includes(name),
    isMoved: ({ id }: FleetServer) => moved.has(id),
  };
  return await findMoves(deps, host);
}

async function clientsOf({
  homeDir,
  origin,
}: {
  homeDir: string;
  origin: string;
}): Promise<Pick<MoveDeps, 'nova' | 'placement'>> {
  const services = ['identity', 'compute', 'image', 'placement'];
  const http = createSocketClient(
    Object.fromEntries(services.map((name) => [name, `${origin}/${name}`])),
    systemClock,
  );
  const client = { http, session: adminSession(http, systemClock, await readSecrets(homeDir)) };
  return { nova: novaFleetClient(client), placement: placementClient(client, itself) };
}
