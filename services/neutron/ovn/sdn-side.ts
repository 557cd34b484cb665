// The side of Neutron that shows its objects to OVN and hears back from it. Made by service.ts.
import type { Outcome } from '#contracts/common/fault.ts';
import type { NeutronRpc } from '#contracts/neutron/agent-rpc.ts';
import { neutronTopic } from '#contracts/neutron/agent-rpc.ts';
import type { RpcServer } from '#platform/bus/bus.ts';
import { rpcServer } from '#platform/bus/contract.ts';
import type { Task } from '#platform/tasks/tasks.ts';
import type { Sdn, SdnDrift } from '#ports/sdn.ts';
import type { NeutronDeps } from '../deps.ts';
import { noteAgent } from '../store/sdn-agents.ts';
import { gatewayRouters } from '../store/sdn-changes.ts';
import { Bindings } from './bindings.ts';
import { askEveryMs, ChassisWatch } from './chassis-watch.ts';
import { NovaTeller } from './tell-nova.ts';
import { Writer } from './writer.ts';

export interface SdnSide {
  tasks: readonly Task[];
  /** Topic `neutron`: reports of the Neutron Agents. */
  rpc: readonly RpcServer[];
  /**
   * Something was committed that OVN shows. Only wakes the writer: cheap; a lost wake costs one
   * scan period.
   */
  wake(): void;
  /**
   * Whether OVN has a live chassis of this name. True as long as OVN has not told any: nobody can
   * tell then.
   */
  hostIsKnown(host: string): boolean;
  /** Rows that are not as they should be, and changes not written yet. */
  audit(): Promise<Outcome<SdnAudit>>;
  /** Rows that were found drifted and mended, since this process started. */
  mended(): SdnDrift;
  /** Takes up nothing more and resolves when what was at work has ended. */
  close(): Promise<void>;
}

export interface SdnAudit extends SdnDrift {
  /** Journal entries that OVN does not show yet. */
  pending: number;
}

const scanEveryMs = 2_000;
const compareEveryMs = 30_000;
const compareBindingsEveryMs = 60_000;
const reportEveryMs = 10_000;

/** Nothing is opened yet: the database may not be migrated. The first task or wake does. */
export function createSdnSide(deps: NeutronDeps): SdnSide {
  const opened: { sdn?: Sdn; bindingsKnown: boolean } = { bindingsKnown: false };
  const nova = new NovaTeller(deps);
  const bindings = new Bindings({
    database: deps.database,
    clock: deps.clock,
    log: deps.log,
    nova,
  });
  const sdn = (): Sdn =>
    (opened.sdn ??= deps.openSdn({
      portChanged: (port, binding) => bindings.hear(port, binding),
      returned: () => writer.compare('return'),
      bindingsKnown: () => {
        opened.bindingsKnown = true;
        writer.wake();
      },
    }));
  const watch = new ChassisWatch(deps, sdn);
  const writer = new Writer({
    database: deps.database,
    clock: deps.clock,
    log: deps.log,
    sdn,
    chassis: () => (opened.bindingsKnown ? watch.facts() : null),
    nova,
  });

  const lookAtChassis = async (): Promise<void> => {
    if (await watch.look()) writer.touch(await gatewayRouters(deps.database.db));
  };
  const tasks: Task[] = [
    {
      name: 'neutron.write-changes',
      everyMs: scanEveryMs,
      scope: 'every',
      atStart: true,
      run: async () => {
        // Hosts that come or go by themselves are seen here: a first gateway must not wait for the
        // next question.
        if (watch.moved()) writer.touch(await gatewayRouters(deps.database.db));
        writer.wake();
        await watch.hear();
      },
    },
    {
      name: 'neutron.compare-network',
      everyMs: compareEveryMs,
      scope: 'every',
      run: async () => writer.compare('period'),
    },
    {
      name: 'neutron.compare-bindings',
      everyMs: compareBindingsEveryMs,
      scope: 'every',
      run: async () => {
        if (opened.bindingsKnown) await bindings.compare((port) => sdn().binding(port));
      },
    },
    {
      name: 'neutron.watch-chassis',
      everyMs: askEveryMs,
      scope: 'every',
      atStart: true,
      run: lookAtChassis,
    },
  ];
  return {
    tasks,
    rpc: [reports(deps)],
    wake: () => writer.wake(),
    hostIsKnown: (host) => watch.isKnown(host),
    audit: async () => await writer.audit(),
    mended: () => writer.mended(),
    async close() {
      await Promise.all([writer.close(), bindings.close()]);
      await nova.close();
      opened.sdn?.close();
    },
  };
}

function reports({ database, clock }: NeutronDeps): RpcServer {
  return rpcServer<NeutronRpc>(neutronTopic, {
    reportNetwork: async ({ host, facts, version, startedAtMs }) => {
      const mappings = Object.entries(facts.bridgeMappings)
        .map((pair) => pair.join(':'))
        .join(',');
      await noteAgent(
        database.db,
        {
          type: 'OVN Metadata agent',
          binary: 'neutron-ovn-metadata-agent',
          host,
          zone: '',
          startedAtMs,
          configurations: {
            chassis_name: facts.chassis,
            'bridge-mappings': mappings,
            version,
            encap_ip: facts.encapIp,
            health: facts.health,
          },
        },
        clock.now(),
      );
      return { intervalMs: reportEveryMs };
    },
  });
}
