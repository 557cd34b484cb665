// A simulated fleet for tests of the engine, under a fake clock: hosts with simulated BMCs that
// send heartbeats as their agents would, and a Nova that evacuates their servers. A test fails if a
// server is started elsewhere while its old host may still run it.
import assert from 'node:assert/strict';
import { createSimBmc } from '#adapters/sim/sim-bmc.ts';
import type { SimBmc } from '#adapters/sim/sim-bmc.ts';
import { inMemoryStore } from '#adapters/sim/sim-world.ts';
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import type { HaState } from '#contracts/ha/host-states.ts';
import type { Heartbeat } from '#contracts/ha/wire.ts';
import { fleetServer } from '#openstack/clients/fleet-server.testing.ts';
import type { FleetServer } from '#openstack/clients/nova-fleet.ts';
import type { ComputeService, NovaRecovery } from '#openstack/clients/nova-recovery.ts';
import type { Database } from '#platform/db/database.ts';
import { openDatabase } from '#platform/db/database.ts';
import { migrate } from '#platform/db/migrate.ts';
import { testDatabase } from '#platform/db/test-database.testing.ts';
import { seededIds } from '#platform/ids.ts';
import { silentLog } from '#platform/log.ts';
import type { Metrics } from '#platform/metrics/metrics.ts';
import { createMetrics } from '#platform/metrics/metrics.ts';
import type { FakeClock } from '#platform/testing/fake-clock.ts';
import { createFakeClock } from '#platform/testing/fake-clock.ts';
import type { Bmc } from '#ports/bmc.ts';
import type { Kube } from '#ports/kube.ts';
import type { HaConfig } from '../deps.ts';
import { haDefaults } from '../deps.ts';
import { recordHeartbeat } from '../store/heartbeats.ts';
import { findHost, listHosts } from '../store/hosts.ts';
import { listEntries } from '../store/incidents.ts';
import { migrations } from '../store/migrations/index.ts';
import { listMoves } from '../store/moves.ts';
import type { HaTables, MoveRow } from '../store/tables.ts';
import { createHaMetrics } from './ha-metrics.ts';
import { createObserver } from './observer.ts';
import type { StepDeps } from './step.ts';
import { observeHosts, recoverOnce, registerOnce } from './watch-hosts.ts';

/** Condition of a simulated host. By default it runs and all its connections work. */
export interface TestHost {
  bootId: string;
  beats: number;
  /** Whether its heartbeats reach this service. */
  isHeard: boolean;
  /** Whether it and its neighbours can reach each other. */
  isReached: boolean;
  /** Whether it can reach the shared storage. */
  hasStorage: boolean;
  selfFencingMs: number | null;
  guests: Set<string>;
  /** Guests that heartbeats list as `crashed`: their processes have ended. */
  died: Set<string>;
  /** Guests that heartbeats list as `shutoff`: they were stopped, and did not die. */
  off: Set<string>;
  /** False: its libvirtd does not answer, so its heartbeats list no guests. */
  hasHypervisor: boolean;
}

/** Thrown where the simulated process crashes; all its later effects are suppressed as well. */
export class Died extends Error {}

export interface Engine {
  deps: StepDeps;
  /** The metrics of the engine's process. */
  metrics: Metrics;
  /** Number of effects that the process has had or attempted. */
  effects(): number;
}

export interface TestFleet {
  clock: FakeClock;
  database: Database<HaTables>;
  hosts: Map<string, TestHost>;
  bmcs: Map<string, SimBmc>;
  servers: Map<string, FleetServer>;
  services: Map<string, ComputeService>;
  /** Target hosts of the evacuations that Nova accepted, by server. */
  evacuations: Map<string, string[]>;
  /** Servers that Nova was asked to start on their own hosts. */
  starts: string[];
  /** By server: the last entry in Nova's action log, e.g. 'stop'; 'create' if it is not set. */
  lastActions: Map<string, string>;
  /** undefined unless a test sets it. */
  kube: Kube | undefined;
  /**
   * The outcome of a guest's start: it runs, its process dies at once, or Nova refuses with a
   * fault.
   */
  startsEnd: 'runs' | 'dies' | Fault;
  /** If it returns a text, Nova refuses the evacuation with it. */
  refuse(id: string, target: string): string | undefined;
  /** Starts a process of the engine. `diesAt`: number of the effect at which it crashes. */
  startEngine(diesAt?: number): Engine;
  /**
   * For each second: all hosts send heartbeats, then the engine makes one pass, and `others` make
   * theirs at the same time.
   */
  run(engine: Engine, seconds: number, others?: readonly Engine[]): Promise<void>;
  /** As `run`, until the host is in `state`. */
  reaches(engine: Engine, host: string, state: HaState, withinS?: number): Promise<void>;
  state(host: string): Promise<HaState | undefined>;
  states(): Promise<Set<HaState>>;
  timeline(host: string): Promise<string[]>;
  moves(host: string): Promise<MoveRow[]>;
  /** The host loses power, or its init dies: nothing on it runs any more. */
  die(host: string): void;
  boot(host: string): void;
  close(): Promise<void>;
}

const rebuildMs = 3_000;
const storageMark = ({ bootId, beats }: TestHost): string => `${bootId}:${beats}`;

export async function startTestFleet(
  names: readonly string[],
  config: Partial<HaConfig> = {},
): Promise<TestFleet> {
  const clock = createFakeClock({ movedBy: 'sleeps' });
  const database = openDatabase<HaTables>(
    await testDatabase({ dialect: 'sqlite', path: ':memory:' }),
    { log: silentLog, clock },
  );
  await migrate(database.db, database.dialect, 'ha', migrations);
  const ids = seededIds(7);
  const store = inMemoryStore();
  const hosts = new Map<string, TestHost>();
  const marks = new Map<string, string>();
  const servers = new Map<string, FleetServer>();
  const evacuations = new Map<string, string[]>();
  const starts: string[] = [];
  const lastActions = new Map<string, string>();
  const bmcs = new Map(
    names.map((name) => [
      name,
      createSimBmc(name, { store, clock, onPower: (isOn) => (isOn ? boot(name) : die(name)) }),
    ]),
  );
  const services = new Map(
    names.map((host): [string, ComputeService] => [
      host,
      {
        id: `service-${host}`,
        host,
        zone: 'az1',
        status: 'enabled',
        disabled_reason: null,
        state: 'up',
        forced_down: false,
      },
    ]),
  );
  for (const name of names)
    hosts.set(name, {
      bootId: `${name}-1`,
      beats: 1,
      isHeard: true,
      isReached: true,
      hasStorage: true,
      selfFencingMs: null,
      guests: new Set(),
      died: new Set(),
      off: new Set(),
      hasHypervisor: true,
    });

  const hostOf = (name: string): TestHost => hosts.get(name) ?? assert.fail(`no host ${name}`);
  function die(name: string): void {
    Object.assign(hostOf(name), { isHeard: false, isReached: false, hasStorage: false });
    hostOf(name).guests.clear();
  }
  function boot(name: string): void {
    const host = hostOf(name);
    const bootId = `${name}-${Number(host.bootId.split('-').at(-1)) + 1}`;
    Object.assign(host, { bootId, isHeard: true, isReached: true, hasStorage: true });
  }

  const service = (id: string): ComputeService =>
    [...services.values()].find((each) => each.id === id) ?? assert.fail(`no service ${id}`);
  const nova: NovaRecovery = {
    computeServices: async () => structuredClone([...services.values()]),
    forceDown: async (id) => void Object.assign(service(id), { forced_down: true, state: 'down' }),
    unforceDown: async (id) => void Object.assign(service(id), { forced_down: false, state: 'up' }),
    disable: async (id, disabled_reason) =>
      void Object.assign(service(id), { status: 'disabled', disabled_reason }),
    enable: async (id) =>
      void Object.assign(service(id), { status: 'enabled', disabled_reason: null }),
    server: async (id) => structuredClone(servers.get(id)) ?? fault('notFound', `no server ${id}`),
    serversOn: async (host) =>
      structuredClone(
        [...servers.values()].filter((each) => each['OS-EXT-SRV-ATTR:host'] === host),
      ),
    evacuate: async (id, { host, staysOff }) => evacuate(id, host, staysOff),
    async stop(id) {
      const server = servers.get(id);
      assert.ok(server && server.status !== 'SHUTOFF', `${id} is stopped once`);
      server.status = 'SHUTOFF';
    },
    async resetToError(id) {
      const server = servers.get(id);
      if (server) server.status = 'ERROR';
    },
    async start(id) {
      const server = servers.get(id);
      if (!server) return fault('notFound', `no server ${id}`);
      if (server.status !== 'SHUTOFF') return fault('conflict', `${id} is ${server.status}`);
      starts.push(id);
      if (typeof fleet.startsEnd !== 'string') return fleet.startsEnd;
      if (fleet.startsEnd === 'dies') return undefined;
      server.status = 'ACTIVE';
      const host = hostOf(server['OS-EXT-SRV-ATTR:host'] ?? '');
      host.died.delete(id);
      host.guests.add(id);
      return undefined;
    },
    lastAction: async (id) => lastActions.get(id) ?? 'create',
    imageProperties: async () => ({}),
  };

  function evacuate(id: string, wanted: string | null, staysOff: boolean): Outcome<void> {
    const server = servers.get(id);
    if (!server) return fault('notFound', `no server ${id}`);
    const source = server['OS-EXT-SRV-ATTR:host'] ?? '';
    if (!services.get(source)?.forced_down)
      return fault('conflict', `Compute service of ${source} is still in use.`);
    if (server['OS-EXT-STS:task_state'] !== null)
      return fault('conflict', `Cannot 'evacuate' instance ${id} while it is in task_state`);
    const target =
      wanted ??
      [...services.values()].find(
        ({ host, state, status }) => host !== source && state === 'up' && status === 'enabled',
      )?.host;
    const why = target === undefined ? 'No valid host was found.' : fleet.refuse(id, target);
    if (target === undefined || why !== undefined) {
      server.status = 'ERROR';
      server.fault = { message: why ?? '' };
      return undefined;
    }
    evacuations.set(id, [...(evacuations.get(id) ?? []), target]);
    const goesOn = staysOff || server.status === 'SHUTOFF' ? 'SHUTOFF' : 'ACTIVE';
    server['OS-EXT-STS:task_state'] = 'rebuilding';
    clock.after(rebuildMs, () => {
      assert.ok(!hostOf(source).guests.has(id), `${id} runs on ${source} and starts on ${target}`);
      hostOf(target).guests.add(id);
      Object.assign(server, {
        status: goesOn,
        'OS-EXT-STS:task_state': null,
        'OS-EXT-SRV-ATTR:host': target,
      });
    });
    return undefined;
  }

  async function beat(): Promise<void> {
    for (const [host, it] of hosts)
      if (it.hasStorage) {
        it.beats += 1;
        marks.set(host, storageMark(it));
      }
    for (const [host, it] of hosts) {
      if (!it.isHeard) continue;
      const saw: Heartbeat['saw'] = {};
      for (const [other, of] of hosts)
        if (other !== host)
          saw[other] = {
            reached: it.isReached && of.isReached,
            storageMark: it.hasStorage ? (marks.get(other) ?? null) : null,
          };
      const { bootId, selfFencingMs, guests } = it;
      const listed = it.hasHypervisor
        ? [
            ...[...guests].map((uuid) => ({ uuid, state: 'running' as const })),
            ...[...it.off].map((uuid) => ({ uuid, state: 'shutoff' as const })),
            ...[...it.died].map((uuid) => ({ uuid, state: 'crashed' as const })),
          ]
        : null;
      await recordHeartbeat(
        database.db,
        { host, bootId, uptimeS: 1, address: '', guests: listed, selfFencingMs, saw },
        clock.now(),
      );
    }
  }

  function startEngine(diesAt = Number.POSITIVE_INFINITY): Engine {
    let effects = 0;
    const effect = (): void => {
      effects += 1;
      if (effects >= diesAt) throw new Died(`at effect ${effects}`);
    };
    const counted = <A extends unknown[], R>(call: (...args: A) => Promise<R>) => {
      return async (...args: A): Promise<R> => {
        effect();
        return await call(...args);
      };
    };
    const watched = database.db.withPlugin({
      transformQuery({ node }) {
        if (node.kind !== 'SelectQueryNode') effect();
        return node;
      },
      transformResult: async ({ result }) => result,
    });
    const all = { ...haDefaults, enabled: true, startGraceMs: 10_000, ...config };
    const bmcOf = (host: string): Bmc | undefined => {
      const bmc = bmcs.get(host);
      if (!bmc) return undefined;
      return Object.assign(Object.create(bmc) as Bmc, {
        powerState: async () => await bmc.powerState(),
        power: counted(async (action: Parameters<Bmc['power']>[0]) => await bmc.power(action)),
      });
    };
    const observer = createObserver(clock, all);
    const metrics = createMetrics();
    return {
      effects: () => effects,
      metrics,
      deps: {
        database: { ...database, db: watched },
        nova: {
          ...nova,
          forceDown: counted(nova.forceDown),
          unforceDown: counted(nova.unforceDown),
          disable: counted(nova.disable),
          enable: counted(nova.enable),
          evacuate: counted(nova.evacuate),
          resetToError: counted(nova.resetToError),
          start: counted(nova.start),
        },
        bmcs: { bmcOf },
        kube: () => fleet.kube,
        clock,
        ids,
        log: silentLog,
        config: all,
        observer,
        metrics: createHaMetrics(metrics, { observer, clock, config: all }),
      },
    };
  }

  const fleet: TestFleet = {
    clock,
    database,
    hosts,
    bmcs,
    servers,
    services,
    evacuations,
    starts,
    lastActions,
    kube: undefined,
    refuse: () => undefined,
    startsEnd: 'runs',
    startEngine,
    async run(engine, seconds, others = []) {
      for (let second = 0; second < seconds; second += 1) {
        await clock.sleep(1_000);
        await beat();
        const looks = [engine, ...others].map(async ({ deps }) => {
          await observeHosts(deps).run(new AbortController().signal);
          await registerOnce(deps);
          await recoverOnce(deps);
        });
        await Promise.all(looks);
      }
    },
    async reaches(engine, host, state, withinS = 60) {
      for (let second = 0; (await fleet.state(host)) !== state; second += 1) {
        if (second >= withinS)
          assert.fail(`${host} is ${await fleet.state(host)}, not ${state}, after ${withinS} s`);
        await fleet.run(engine, 1);
      }
    },
    state: async (host) => (await findHost(database.db, host))?.state,
    states: async () => new Set((await listHosts(database.db)).map(({ state }) => state)),
    async timeline(host) {
      const id = (await findHost(database.db, host))?.incident_id;
      return id ? (await listEntries(database.db, id)).map(({ what }) => what) : [];
    },
    async moves(host) {
      const id = (await findHost(database.db, host))?.incident_id;
      return id ? await listMoves(database.db, id) : [];
    },
    die: (host) => bmcs.get(host)?.hostDies() ?? die(host),
    boot,
    close: async () => await database.close(),
  };
  return fleet;
}

/**
 * Adds a server of the host, `ACTIVE` unless `more` says otherwise. It has a guest there only if it
 * is `ACTIVE`.
 */
export function addServer(
  { servers, hosts }: TestFleet,
  id: string,
  host: string,
  more: Partial<FleetServer> = {},
): void {
  const server = fleetServer(id, host, more);
  servers.set(id, server);
  if (server.status === 'ACTIVE') hosts.get(host)?.guests.add(id);
}
