// Offboarding: removes an emptied host from OpenStack: compute service, resource provider,
// aggregates, network agents. If a restarted agent registers the host again, it is removed again.
// Sole owner of Offboarded.
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

const requeueMs = 3_000;
/**
 * Interval at which an offboarded host is checked: a restarted agent may have registered it again.
 */
const verifyMs = 30_000;

export function offboardingController(deps: ControllerDeps): Controller {
  const { world, nova } = deps;
  return {
    async reconcile(name) {
      const hypervisor = world.hypervisors.get({ name });
      if (!hypervisor || !isLeaving(hypervisor)) return undefined;
      const waiting = waitsFor(hypervisor);
      const novaHypervisor = must(await nova.hypervisors()).find((each) => isThe(each, hypervisor));
      const trouble =
        waiting ??
        (novaHypervisor ? await leaveNova(deps, hypervisor, novaHypervisor) : undefined) ??
        (await leavePlacement(deps, hypervisor, novaHypervisor)) ??
        (await leaveNeutron(deps, hypervisor));
      await writeStatus(deps, hypervisor, [trouble === undefined ? offboarded : leaving(trouble)]);
      return trouble === undefined ? verifyMs : requeueMs;
    },
  };
}

/** Returns what must happen first; undefined: the host is removed from Nova. */
async function leaveNova(
  { nova, kube, world }: ControllerDeps,
  hypervisor: Hypervisor,
  { service, status }: FleetHypervisor,
): Promise<string | undefined> {
  const { name = '' } = hypervisor.metadata;
  // A service that registered itself again is enabled by default.
  if (status === 'enabled') must(await nova.disableService(service.id, 'offboarding'));
  const servers = must(await nova.serversOn(service.host));
  if (servers.length > 0) {
    // Servers came after the eviction had ended: its Eviction is deleted, so that the maintenance
    // controller creates a new one.
    const eviction = world.evictions.get({ name });
    if (eviction && !isTrue(hypervisor, 'Evicting')) must(await kube.remove(evictions, { name }));
    return `${servers.length} server(s) are still on the host: openstack server list --all-projects --host ${service.host}`;
  }
  const moving = must(await nova.openMigrationsFrom(service.host));
  if (moving.length > 0)
    return `${moving.length} move(s) from the host have not ended or are not confirmed: openstack server migration list --host ${service.host}`;
  for (const { id, hosts } of must(await nova.aggregates()))
    if (hosts.includes(service.host)) must(await nova.removeFromAggregate(id, service.host));
  const deletion = await nova.deleteService(service.id);
  if (!isFault(deletion) || deletion.kind === 'notFound') return undefined;
  if (deletion.kind === 'conflict') return `Nova keeps the compute service: ${deletion.message}`;
  must(deletion);
  return undefined;
}

/**
 * Removes the host's resource provider; Nova does so with the service, unless there are
 * allocations. Returns what still prevents that; undefined: the provider is gone.
 */
async function leavePlacement(
  { placement, nova }: ControllerDeps,
  { status }: Hypervisor,
  novaHypervisor: FleetHypervisor | undefined,
): Promise<string | undefined> {
  const provider = novaHypervisor?.id ?? status?.hypervisorId;
  if (provider === undefined) return undefined;
  for (const consumer of must(await placement.consumers(provider))) {
    const server = await nova.server(consumer);
    if (!isFault(server)) return `Server ${consumer} still has a claim on the host`;
    if (server.kind !== 'notFound') must(server);
    // The consumer is no server, and no migration from this host is open (see `leaveNova`), so
    // nobody else would release this allocation.
    must(await placement.release(consumer));
  }
  const deletion = await placement.deleteProvider(provider);
  if (isFault(deletion) && deletion.kind === 'conflict')
    return `Placement keeps the resource provider: ${deletion.message}`;
  must(deletion);
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
