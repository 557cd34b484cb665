// The role neutron-ovn-writer: writes Neutron's objects to OVN, receives port bindings from it, and
// receives the reports of the Neutron Agents.
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
  /** Connects to OVN. Called once. */
  openSdn(listeners: SdnListeners): Sdn;
}

export interface OvnWriterRole extends Role {
  /** Rows in OVN that differ from Neutron's database, and journal entries not written yet. */
  audit(): Promise<Outcome<SdnAudit>>;
  /** Drifted rows that were repaired since this process started. */
  mended(): SdnDrift;
  close(): Promise<void>;
}

const scanEveryMs = 2_000;
const compareEveryMs = 30_000;
const compareBindingsEveryMs = 60_000;
const reportEveryMs = 10_000;

/**
 * Several processes may have this role. The one that holds the lock at OVN is the writer: it alone
 * writes, checks that hosts are alive and sends events to Nova; the others wait for the lock. OVN
 * is opened by the first task or wake, since the database may not be migrated before.
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
  /** Reads all port bindings once, after this process became the writer and OVN was read whole. */
  const takeOver = (): void => {
    if (state.tookOver || !state.bindingsKnown || !state.sdn?.isWriter()) return;
    state.tookOver = true;
    bindings
      .takeOver((port) => sdn().binding(port))
      .catch((error: unknown) => {
        state.tookOver = false; // the next comparison tries again
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
    // Chassis that were added or removed since the last check are noticed here: a router's first
    // gateway must not wait for the next liveness check.
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
    if (sdn().isWriter() && (await watch.check())) writer.touch(await gatewayRouters(database.db));
  };
  // Every process runs these tasks; they act only in the process that holds the lock at OVN.
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
