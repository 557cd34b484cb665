// The host's own part of its Hypervisor, and of its Node where no kubelet is: read from the host,
// compared with what the API has, written only where that differs.
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
  isSaid,
  ownStatus,
  unitConditions,
} from './domain/hypervisor-status.ts';
import { nodeStatusPatch } from './domain/node-status.ts';

/** What a look at the host has found. */
export interface Observation extends Observed {
  units: readonly UnitFacts[];
  connection: Connection;
}

type Unreadable = { kind: 'unreadable'; why: string };

/** What the host says is data of others: that it cannot be understood ends no agent. */
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
  /** Throws where the API does not take it, to be called again. */
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
      if (isSaid(hypervisor, status, conditions)) return;
      const nowMs = clock.now();
      const written = await kube.apply(
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
      // one that is gone is made by the operator, if at all
      if (isFault(written) && written.kind !== 'notFound') throw new Error(written.message);
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
