// `cobalt host remove`: disables the host for new servers, empties it if asked to, and deletes its
// Node; then the operator offboards the host from OpenStack, and the control plane powers it off
// and deletes its files. If the host cannot be emptied, it is enabled again.
import { isDeleted, isParked, kindOf } from '#compose/fleet-nodes.ts';
import type { Home } from '#compose/home.ts';
import { isFault } from '#contracts/common/fault.ts';
import { isTrue } from '#contracts/kube/conditions.ts';
import type { Hypervisor } from '#contracts/kube/kinds.ts';
import { hypervisors, nodes } from '#contracts/kube/kinds.ts';
import type { Kube } from '#ports/kube.ts';
import type { CloudClient } from './cloud-client.ts';
import { followHost } from './follow-host.ts';
import { awaitEvicted, maintain } from './maintain-host.ts';
import type { RunningFleet } from './running-fleet.ts';
import { answered, withFleet } from './running-fleet.ts';
import { UserError } from './user-error.ts';

export interface RemoveOptions {
  evict?: true;
}

const [disabledWithinMs, removedWithinMs] = [30_000, 5 * 60_000];
const reason = 'cobalt host remove';
const print = (line: string): void => void process.stdout.write(`  ✓ ${line}\n`);

export async function removeHost(home: Home, name: string, options: RemoveOptions): Promise<void> {
  await withFleet(home, async (fleet) => {
    const { kube } = fleet;
    const node = await existing(kube, name);
    const hypervisor = await kube.get(hypervisors, { name });
    if (!isDeleted(node)) {
      if (!isFault(hypervisor) && takesServers(hypervisor)) await empty(fleet, hypervisor, options);
      answered(await kube.remove(nodes, { name }));
    }
    await followHost(
      { kube, name, conditionType: 'Offboarded', withinMs: removedWithinMs },
      async () => {
        const remainingNode = await kube.get(nodes, { name });
        return isFault(remainingNode) && remainingNode.kind === 'notFound' ? 'reached' : undefined;
      },
    );
    print(`host ${name} is removed, with its files`);
  });
}

async function existing(kube: Kube, name: string) {
  const all = answered(await kube.list(nodes)).filter((node) => kindOf(node) !== undefined);
  const found = all.find(({ metadata }) => metadata.name === name);
  if (!found)
    throw new UserError(
      `There is no host ${name} in this cloud. There are: ${all.map(({ metadata }) => metadata.name).join(', ') || 'none'}.`,
    );
  const remainingNodes = all.filter(
    (node) => kindOf(node) === kindOf(found) && !isDeleted(node) && !isParked(node),
  );
  if (!isDeleted(found) && remainingNodes.every((node) => node === found))
    throw new UserError(
      `${name} is the last ${kindOf(found)} host of this cloud. To end the cloud: ./cobalt down --purge`,
    );
  return found;
}

/**
 * Whether tenants' servers may be on the host: not if it is still being tested, or was never found
 * in Nova.
 */
const takesServers = (hypervisor: Hypervisor): boolean =>
  hypervisor.status?.serviceId !== undefined && !isTrue(hypervisor, 'Onboarding');

/**
 * Empties the host: moves its servers with `evict`, refuses if there are any without. Disables the
 * host first, so that no new server is placed on it meanwhile.
 */
async function empty(
  { kube, cloud }: RunningFleet,
  { metadata: { name = '' }, spec }: Hypervisor,
  { evict }: RemoveOptions,
): Promise<void> {
  const isOurs = (spec.maintenance ?? '') === '';
  const servers = await serversOn(cloud, name);
  if (servers.length > 0 && !evict) throw stillThere(name, servers);
  const takeBack = async (): Promise<void> => {
    if (isOurs) await maintain(kube, name, '', '');
  };
  if (isOurs) await maintain(kube, name, 'manual', reason);
  await followHost(
    { kube, name, conditionType: 'HypervisorDisabled', withinMs: disabledWithinMs },
    (found) => (found && isTrue(found, 'HypervisorDisabled') ? 'reached' : undefined),
  );
  const late = await serversOn(cloud, name);
  if (late.length > 0 && !evict) {
    await takeBack();
    throw stillThere(name, late);
  }
  try {
    await awaitEvicted(kube, name);
  } catch (error) {
    await takeBack();
    throw error;
  }
}

async function serversOn(cloud: CloudClient, host: string): Promise<string[]> {
  const { servers } = await cloud.ask<{ servers: { name: string }[] }>(
    'compute',
    'GET',
    `/v2.1/servers?all_tenants=true&host=${encodeURIComponent(host)}`,
  );
  return servers.map(({ name }) => name);
}

const stillThere = (host: string, servers: readonly string[]): UserError =>
  new UserError(
    `${servers.length === 1 ? 'A server is' : `${servers.length} servers are`} on host ${host}: ${servers.slice(0, 5).join(', ')}${servers.length > 5 ? ', …' : ''}. Move them away first, or have it done: ./cobalt host remove ${host} --evict`,
  );
