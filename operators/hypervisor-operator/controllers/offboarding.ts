// Offboarding: a host whose machines are gone is taken out of OpenStack: compute service, resource
// provider, aggregates, network agents. What comes back, because its agent was started anew, goes
// again. Sole owner of Offboarded.
import { isFault } from '#contracts/common/fault.ts';
import type { WantedCondition } from '#contracts/kube/conditions.ts';
import { isTrue } from '#contracts/kube/conditions.ts';
import type { Hypervisor } from '#contracts/kube/kinds.ts';
import { evictions } from '#contracts/kube/kinds.ts';
import type { FleetHypervisor } from '#openstack/clients/nova-fleet.ts';
import { isLeaving, waitsFor } from '../domain/offboarding.ts';
import type { Controller, ControllerDeps } from './controller.ts';
import { must, writeStatus } from './controller.ts';
import { isThe } from './onboarding.ts';

const lookAgainMs = 3_000;
/** An agent that was started again has registered its host anew. */
const verifyMs = 30_000;

export function offboardingController(deps: ControllerDeps): Controller {
  const { world, nova } = deps;
  return {
    async reconcile(name) {
      const hypervisor = world.hypervisors.get({ name });
      if (!hypervisor || !isLeaving(hypervisor)) return undefined;
      const waiting = waitsFor(hypervisor);
      const known = must(await nova.hypervisors()).find((each) => isThe(each, hypervisor));
      const trouble =
        waiting ??
        (known ? await leaveNova(deps, hypervisor, known) : undefined) ??
        (await leavePlacement(deps, hypervisor, known)) ??
        (await leaveNeutron(deps, hypervisor));
      await writeStatus(deps, hypervisor, [trouble === undefined ? offboarded : leaving(trouble)]);
      return trouble === undefined ? verifyMs : lookAgainMs;
    },
  };
}

/** What it waits for; undefined: Nova does not know the host any more. */
async function leaveNova(
  { nova, kube, world }: ControllerDeps,
  hypervisor: Hypervisor,
  { service, status }: FleetHypervisor,
): Promise<string | undefined> {
  const { name = '' } = hypervisor.metadata;
  // one that came back is enabled, as new ones are
  if (status === 'enabled') must(await nova.disableService(service.id, 'offboarding'));
  const servers = must(await nova.serversOn(service.host));
  if (servers.length > 0) {
    // they came after the eviction, which has ended: another one is made in its place
    const eviction = world.evictions.get({ name });
    if (eviction && !isTrue(hypervisor, 'Evicting')) must(await kube.remove(evictions, { name }));
    return `${servers.length} server(s) are still on the host: openstack server list --all-projects --host ${service.host}`;
  }
  const moving = must(await nova.openMigrationsFrom(service.host));
  if (moving.length > 0)
    return `${moving.length} move(s) from the host have not ended or are not confirmed: openstack server migration list --host ${service.host}`;
  for (const { id, hosts } of must(await nova.aggregates()))
    if (hosts.includes(service.host)) must(await nova.removeFromAggregate(id, service.host));
  const removed = await nova.deleteService(service.id);
  if (!isFault(removed) || removed.kind === 'notFound') return undefined;
  if (removed.kind === 'conflict') return `Nova keeps the compute service: ${removed.message}`;
  must(removed);
  return undefined;
}

/** Nova removes the provider with the service, unless something is still claimed there. */
async function leavePlacement(
  { placement, nova }: ControllerDeps,
  { status }: Hypervisor,
  known: FleetHypervisor | undefined,
): Promise<string | undefined> {
  const provider = known?.id ?? status?.hypervisorId;
  if (provider === undefined) return undefined;
  for (const consumer of must(await placement.consumers(provider))) {
    const server = await nova.server(consumer);
    if (!isFault(server)) return `Server ${consumer} still has a claim on the host`;
    if (server.kind !== 'notFound') must(server);
    // No server, and no move from here is open (`leaveNova`): nobody gives this claim back.
    must(await placement.release(consumer));
  }
  const removed = await placement.deleteProvider(provider);
  if (isFault(removed) && removed.kind === 'conflict')
    return `Placement keeps the resource provider: ${removed.message}`;
  must(removed);
  return undefined;
}

async function leaveNeutron(
  { network }: ControllerDeps,
  { metadata: { name = '' } }: Hypervisor,
): Promise<undefined> {
  for (const { id } of must(await network.agentsOn(name))) must(await network.removeAgent(id));
}

const leaving = (message: string): WantedCondition => ({
  type: 'Offboarded',
  status: 'False',
  reason: 'Offboarding',
  message,
});

const offboarded: WantedCondition = {
  type: 'Offboarded',
  status: 'True',
  reason: 'Offboarded',
  message: 'Offboarding completed: the host is not known to OpenStack any more',
};
