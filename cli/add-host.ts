// `cobalt host add`: creates a Node. The control plane then powers the host on, and the operator
// tests it with a server of its own and enables it; the command waits for that.
import {
  freeName,
  hostNamePattern,
  isDeleted,
  kindOf,
  mostLocalHosts,
} from '#compose/fleet-nodes.ts';
import type { HostKind } from '#compose/fleet-nodes.ts';
import type { Home } from '#compose/home.ts';
import { registerNode } from '#compose/register-hosts.ts';
import { isFault } from '#contracts/common/fault.ts';
import { conditionOf, isTrue } from '#contracts/kube/conditions.ts';
import type { Hypervisor, Node } from '#contracts/kube/kinds.ts';
import { nodes } from '#contracts/kube/kinds.ts';
import { createLocalHosts } from '#hosts/local/local-hosts.ts';
import { systemClock } from '#platform/clock.ts';
import { silentLog } from '#platform/log.ts';
import type { Verdict } from './follow-host.ts';
import { followHost } from './follow-host.ts';
import { answered, withFleet } from './running-fleet.ts';
import { UserError } from './user-error.ts';

export interface AddOptions {
  simulated?: true;
  skipTests?: true;
  /** Whether to wait until the host is ready: false with `--no-wait`. */
  wait: boolean;
}

/** The operator's test may try three servers, with 5 min for each. */
const readyWithinMs = 16 * 60_000;

export async function addHost(
  home: Home,
  wanted: string | undefined,
  { simulated, skipTests, wait }: AddOptions,
): Promise<void> {
  await withFleet(home, async ({ kube, zone }) => {
    const all = answered(await kube.list(nodes));
    const kind: HostKind =
      simulated || !all.some((node) => kindOf(node) === 'local') ? 'simulated' : 'local';
    const name = await nameFor(home, wanted, kind, all);
    await registerNode(kube, { name, kind, zone, isTested: !skipTests });
    process.stdout.write(`  ✓ host ${name} is to join (${kind})\n`);
    if (!wait) return;
    const startedAt = systemClock.monotonicMs();
    await followHost(
      { kube, name, conditionType: 'Onboarding', withinMs: readyWithinMs },
      async (found) => joined(name, found, await kube.get(nodes, { name })),
    );
    const seconds = ((systemClock.monotonicMs() - startedAt) / 1000).toFixed(1);
    process.stdout.write(`  ✓ host ${name} is ready and takes servers (${seconds} s)\n`);
  });
}

function joined(name: string, hypervisor: Hypervisor | undefined, node: object): Verdict {
  if (isFault(node as Node))
    return { failed: `The node ${name} was deleted meanwhile: the host does not join.` };
  const ready = conditionOf(node as Node, 'Ready');
  if (ready?.status === 'False')
    return {
      failed: `Host ${name} cannot be powered on: ${ready.message}. Take it out with: ./cobalt host remove ${name}`,
    };
  if (!hypervisor) return undefined;
  if (isTrue(hypervisor, 'Ready')) return 'reached';
  const onboarding = conditionOf(hypervisor, 'Onboarding');
  return onboarding?.status === 'False' && onboarding.reason !== 'Succeeded'
    ? {
        failed: `Host ${name} failed its tests and stays disabled: ${onboarding.message}. Take it out with: ./cobalt host remove ${name}`,
      }
    : undefined;
}

async function nameFor(
  home: Home,
  wanted: string | undefined,
  kind: HostKind,
  all: readonly Node[],
): Promise<string> {
  if (kind === 'local' && all.filter((node) => kindOf(node) === 'local').length >= mostLocalHosts)
    throw new UserError(
      `This machine has ${mostLocalHosts} hosts: there are addresses for no more.`,
    );
  const nodeNames = all.map(({ metadata }) => metadata.name ?? '');
  const folders = (
    await createLocalHosts({
      stateDir: home.dir,
      log: silentLog,
      clock: systemClock,
      kvm: false,
    }).list()
  ).map((host) => host.name);
  if (wanted === undefined) return freeName(kind, new Set([...nodeNames, ...folders]));
  if (!hostNamePattern.test(wanted))
    throw new UserError(
      `'${wanted}' is no name of a host: it begins with a letter and has a-z, 0-9 and '-', at most 32.`,
    );
  const namesake = all.find(({ metadata }) => metadata.name === wanted);
  if (namesake)
    throw new UserError(
      isDeleted(namesake)
        ? `Host ${wanted} is just being removed. Take another name, or wait: ./cobalt host remove ${wanted}`
        : `There is a host ${wanted} already. Take another name, or none: then the next free one is taken.`,
    );
  if (folders.includes(wanted))
    throw new UserError(
      `Files of an earlier host ${wanted} are in ${home.dir}/hosts/${wanted}. Take another name.`,
    );
  return wanted;
}
