// Writes the host's part of its Hypervisor resource, and of its Node if no kubelet runs: reads the
// host, compares with what the API has, and writes only differences.
import type { Outcome } from '#contracts/common/fault.ts';
import { isFault } from '#contracts/common/fault.ts';
import { stamped } from '#contracts/kube/conditions.ts';
import type { Hypervisor } from '#contracts/kube/kinds.ts';
import { hypervisors, nodes } from '#contracts/kube/kinds.ts';
import { createTroubleLog } from '#platform/trouble-log.ts';
import type { SystemFacts, UnitFacts } from '#ports/node-facts.ts';
import type { NodeAgentDeps } from './deps.ts';
import type { Connection, Observed } from './domain/hypervisor-status.ts';
import {
  connectionCondition,
  isUpToDate,
  ownStatus,
  unitConditions,
} from './domain/hypervisor-status.ts';
import { nodeStatusPatch } from './domain/node-status.ts';

/** The result of one read of the host. */
export interface Observation extends Observed {
  units: readonly UnitFacts[];
  connection: Connection;
}

type Unreadable = { kind: 'unreadable'; why: string };

/**
 * Converts exceptions to `unreadable`: output of the host that cannot be parsed must not end the
 * agent.
 */
async function read<T>(work: Promise<Outcome<T>>): Promise<Outcome<{ value: T } | Unreadable>> {
  try {
    const value = await work;
    return isFault(value) ? value : { value };
  } catch (error) {
    return { kind: 'unreadable', why: String(error) };
  }
}

export interface HypervisorReporter {
  observe(): Promise<Observation>;
  /** Throws if the API refuses or does not answer, so that the caller tries again. */
  write(hypervisor: Hypervisor, observation: Observation): Promise<void>;
  writeNode(system: SystemFacts): Promise<void>;
}

export function createHypervisorReporter({
  facts,
  kube,
  clock,
  log,
  config,
}: NodeAgentDeps): HypervisorReporter {
  const { host } = config;
  const troubles = createTroubleLog(log);
  let lastUnits: readonly UnitFacts[] = [];

  return {
    async observe() {
      const [system, units, hypervisor, guests] = await Promise.all([
        read(facts.system()),
        read(facts.units()),
        read(facts.hypervisor()),
        read(facts.guests()),
      ]);
      let connection: Connection = { kind: 'connected' };
      for (const each of [hypervisor, guests]) {
        if (isFault(each)) connection = { kind: 'away', why: each.message };
        else if ('why' in each && connection.kind === 'connected') connection = each;
      }
      if (!isFault(units) && 'value' in units) lastUnits = units.value;
      troubles.note('system', system, 'the host does not tell what it is');
      const valueOf = <T>(each: Outcome<{ value: T } | Unreadable>): T | undefined =>
        isFault(each) || !('value' in each) ? undefined : each.value;
      return {
        system: valueOf(system),
        hypervisor: valueOf(hypervisor),
        guests: valueOf(guests),
        units: lastUnits,
        connection,
      };
    },

    async write(hypervisor, observation) {
      const { connection, units } = observation;
      const status = ownStatus(hypervisor, observation);
      const conditions = [...unitConditions(units), connectionCondition(connection, units)];
      if (isUpToDate(hypervisor, status, conditions)) return;
      const nowMs = clock.now();
      const update = await kube.apply(
        hypervisors,
        {
          metadata: { name: host },
          status: {
            ...status,
            conditions: conditions.map((each) => stamped(hypervisor, each, nowMs)),
          },
        },
        { subresource: 'status' },
      );
      // notFound: the resource was deleted. Only the operator may create it again.
      if (isFault(update) && update.kind !== 'notFound') throw new Error(update.message);
    },

    async writeNode(system) {
      if (!config.node) return;
      const node = await kube.get(nodes, { name: host });
      if (isFault(node)) {
        if (node.kind === 'notFound') return;
        throw new Error(node.message);
      }
      const status = nodeStatusPatch(node, system, config.node.address);
      if (!status) return;
      const patched = await kube.patch(
        nodes,
        { name: host },
        { status },
        { subresource: 'status' },
      );
      if (isFault(patched) && patched.kind !== 'notFound') throw new Error(patched.message);
    },
  };
}
