// The role neutron-ovn-writer: shows Neutron's objects to OVN, hears back from it, and takes the
// reports of the Neutron Agents.
import type { Outcome } from '#contracts/common/fault.ts';
import type { NeutronRpc } from '#contracts/neutron/agent-rpc.ts';
import { neutronTopic } from '#contracts/neutron/agent-rpc.ts';
import type { OvnWriterRpc } from '#contracts/neutron/ovn-writer-rpc.ts';
import { ovnWriterTopic } from '#contracts/neutron/ovn-writer-rpc.ts';
import type { Role } from '#openstack/role.ts';
import type { RpcServer } from '#platform/bus/bus.ts';
import { rpcServer } from '#platform/bus/contract.ts';
import type { Sdn, SdnDrift, SdnListeners } from '#ports/sdn.ts';
import type { NeutronDeps } from '../deps.ts';
import { noteAgent } from '../store/sdn-agents.ts';
import { gatewayRouters } from '../store/sdn-changes.ts';
import type { SdnAudit } from './audit.ts';
import { Bindings } from './bindings.ts';
import { askEveryMs, ChassisWatch } from './chassis-watch.ts';
import { NovaNotifier } from './nova-notifier.ts';
import { Writer } from './writer.ts';

export interface OvnWriterDeps extends NeutronDeps {
  /** Opens the network below; once. */
  openSdn(listeners: SdnListeners): Sdn;
}

export interface OvnWriterRole extends Role {
  /** Rows that are not as they should be, and changes not written yet. */
  audit(): Promise<Outcome<SdnAudit>>;
  /** Rows that were found drifted and mended, since this process started. */
  mended(): SdnDrift;
  close(): Promise<void>;
}

const scanEveryMs = 2_000;
const compareEveryMs = 30_000;
const compareBindingsEveryMs = 60_000;
const reportEveryMs = 10_000;

/**
 * Several processes may have this role. The one that holds the lock at OVN writes, asks the hosts
 * for signs of life and tells Nova; the others wait for the lock. Nothing is opened yet: the
 * database may not be migrated. The first task or wake does.
 */
export function createNeutronOvnWriter(deps: OvnWriterDeps): OvnWriterRole {
  const { database, clock, log } = deps;
  const state: { sdn?: Sdn; bindingsKnown: boolean; tookOver: boolean } = {
    bindingsKnown: false,
    tookOver: false,
  };
  const nova = new NovaNotifier(deps);
  const bindings = new Bindings({ database, clock, log, nova });
  const sdn = (): Sdn =>
    (state.sdn ??= deps.openSdn({
      portChanged: (port, binding) => {
        if (state.sdn?.isWriter()) bindings.hear(port, binding);
      },
      returned: () => writer.compare('return'),
      bindingsKnown: () => {
        state.bindingsKnown = true;
        takeOver();
        writer.wake();
      },
      writerChanged: (isWriter) => {
        log.info({ isWriter }, isWriter ? 'this process writes to OVN' : 'another writes to OVN');
        if (!isWriter) state.tookOver = false;
        takeOver();
        writer.compare('return');
      },
    }));
  /** What the last writer, or this process as it began, did not get to hear. */
  const takeOver = (): void => {
    if (state.tookOver || !state.bindingsKnown || !state.sdn?.isWriter()) return;
    state.tookOver = true;
    bindings
      .takeOver((port) => sdn().binding(port))
      .catch((error: unknown) => {
        state.tookOver = false; // the next comparison does it
        log.error({ err: error }, "ports' bindings cannot be read");
      });
  };
  const watch = new ChassisWatch(deps, sdn);
  const writer = new Writer({
    database,
    clock,
    log,
    sdn,
    chassis: () => (state.bindingsKnown ? watch.facts() : null),
    nova,
  });

  const writeChanges = async (): Promise<void> => {
    if (!sdn().isWriter()) return;
    // Hosts that come or go by themselves are seen here: a first gateway must not wait for the next
    // question.
    if (watch.moved()) writer.touch(await gatewayRouters(database.db));
    writer.wake();
    await watch.hear();
  };
  const compareBindings = async (): Promise<void> => {
    if (!sdn().isWriter() || !state.bindingsKnown) return;
    takeOver();
    await bindings.compare((port) => sdn().binding(port));
  };
  const watchChassis = async (): Promise<void> => {
    if (sdn().isWriter() && (await watch.look())) writer.touch(await gatewayRouters(database.db));
  };
  // Each process runs them: what they do is the writer's, and the lock says who that is.
  const scope = 'every';
  return {
    name: 'neutron-ovn-writer',
    http: [],
    rpc: [
      reports(deps),
      rpcServer<OvnWriterRpc>(ovnWriterTopic, {
        wake: async () => {
          writer.wake();
          return null;
        },
      }),
    ],
    tasks: [
      {
        name: 'neutron.write-changes',
        everyMs: scanEveryMs,
        scope,
        atStart: true,
        run: writeChanges,
      },
      {
        name: 'neutron.compare-network',
        everyMs: compareEveryMs,
        scope,
        run: async () => writer.compare('period'),
      },
      {
        name: 'neutron.compare-bindings',
        everyMs: compareBindingsEveryMs,
        scope,
        run: compareBindings,
      },
      {
        name: 'neutron.watch-chassis',
        everyMs: askEveryMs,
        scope,
        atStart: true,
        run: watchChassis,
      },
    ],
    sagas: [],
    audit: async () => await writer.audit(),
    mended: () => writer.mended(),
    async close() {
      await Promise.all([writer.close(), bindings.close()]);
      await nova.close();
      state.sdn?.close();
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
