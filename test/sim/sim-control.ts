// The control plane of a simulated cloud, in one process or several, on the same databases, with
// one bus and one network between them and the agents. A request goes to any running process, as
// behind a load balancer. Used by sim-cloud.ts.
import type { CloudConfig } from '#compose/config.ts';
import type { ControlPlane, ControlPlaneDeps } from '#compose/control-plane.ts';
import { createControlPlane } from '#compose/control-plane.ts';
import type { Home, Secrets } from '#compose/home.ts';
import type { StorageBelow } from '#compose/process.ts';
import { reportCinder } from '#compose/roles/cinder.ts';
import { seedCloud } from '#compose/seed.ts';
import type { DatabaseName } from '#compose/state-files.ts';
import { databaseFile, databaseNames } from '#compose/state-files.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { HttpClient } from '#openstack/http/client.ts';
import type { Bus } from '#platform/bus/bus.ts';
import { createInProcessBus } from '#platform/bus/in-process-bus.ts';
import type { Clock } from '#platform/clock.ts';
import type { Database, DatabaseConfig } from '#platform/db/database.ts';
import { openDatabase } from '#platform/db/database.ts';
import { testDatabase } from '#platform/db/test-database.testing.ts';
import type { Ids } from '#platform/ids.ts';
import type { Log } from '#platform/log.ts';
import type { Metrics } from '#platform/metrics/metrics.ts';
import type { AnySaga } from '#platform/saga/saga.ts';
import type { Task } from '#platform/tasks/tasks.ts';
import type { BmcDirectory } from '#ports/bmc.ts';
import type { Sdn, SdnListeners } from '#ports/sdn.ts';
import type { Invariants } from './invariants.ts';
import type { SimProcess } from './sim-process.ts';
import { busOf, connectionLost, createSimProcess, httpInto, sdnOf } from './sim-process.ts';

type OpenSdn = (listeners: SdnListeners) => Sdn;

export interface SimControlOptions {
  home: Home;
  secrets: Secrets;
  config: CloudConfig;
  clock: Clock;
  ids: Ids;
  log: Log;
  metrics?: Metrics;
  network: ControlPlaneDeps['network'];
  storage: StorageBelow;
  bmcs: BmcDirectory;
  keystone?: ControlPlaneDeps['keystone'];
  /** The invariants to check; they see what the wrappers below let through. */
  invariants?: Invariants;
  /** Wrappers between a process and its own sagas, databases and network. */
  wrapSagas?: (sagas: readonly AnySaga[], process: SimProcess) => readonly AnySaga[];
  wrapTasks?: (tasks: readonly Task[]) => readonly Task[];
  wrapSdn?: (open: OpenSdn) => OpenSdn;
  wrapDatabase?: <T>(database: Database<T>, name: DatabaseName, process: SimProcess) => Database<T>;
  /**
   * Wrappers between the parts of the cloud: they may delay messages, which then overtake each
   * other.
   */
  wrapBus?: (bus: Bus, clock: Clock) => Bus;
  wrapHttp?: (http: HttpClient, clock: Clock) => HttpClient;
  processes: number;
  /** Greatest difference between the clocks of two processes. */
  longestSkewMs?: number;
}

/** A process and its control plane; an ended process may be restarted. */
export interface Running {
  process: SimProcess;
  plane: ControlPlane;
  http: HttpClient;
}

export interface SimControl {
  /** The control planes of the start. */
  planes: readonly [ControlPlane, ...ControlPlane[]];
  /** Processes that have not ended; at least one. */
  running(): readonly Running[];
  bus: Bus;
  /** Sends requests to any running process. */
  http: HttpClient;
  startTasks(): void;
  startSagas(): Promise<void>;
  /** Ends a process at once, as a crash does. */
  crash(process: SimProcess): Promise<void>;
  /**
   * Starts a process in place of an ended one. `sameName`: with its name, as the owner of its
   * leases.
   */
  restart(ended: SimProcess, sameName: boolean): Promise<SimProcess>;
  close(): Promise<void>;
}

const origin = 'http://sim';

export async function startSimControl(options: SimControlOptions): Promise<SimControl> {
  const { clock, ids, log, processes } = options;
  const bus = createInProcessBus({
    log,
    clock,
    ids,
    ...(options.metrics ? { observe: options.metrics.rpc } : {}),
  });
  const configs = await testDatabases(options.home);
  const databases = new Map<SimProcess, Database<unknown>[]>();
  const lives = { count: 0 };
  const begin = async (name: string): Promise<Running> => {
    const skewMs = (2 * ids.random() - 1) * (options.longestSkewMs ?? 0);
    const process = createSimProcess(name, clock, Math.round(skewMs));
    const opened: Database<unknown>[] = [];
    databases.set(process, opened);
    const plane = await createControlPlane(depsOf(options, process, bus, configs, opened));
    return { process, plane, http: httpInto(process, plane.http, clock) };
  };
  const nextName = (): string => `control-${(lives.count += 1)}`;

  const first = await begin(nextName());
  await seedCloud(first.plane.process);
  await reportCinder(first.plane.process);
  let running: Running[] = [first];
  while (running.length < processes) running.push(await begin(nextName()));
  const outside = options.wrapBus?.(bus, clock) ?? bus;
  return {
    // Cast: there is at least one process.
    planes: running.map(({ plane }) => plane) as [ControlPlane, ...ControlPlane[]],
    running: () => running,
    bus: outside,
    http: {
      async send(call) {
        const answering = running.filter(({ process }) => process.state === 'running');
        const any = answering[Math.floor(ids.random() * answering.length)] ?? first;
        const answer = await any.http.send(call);
        // A lost GET is safe to repeat, so it is sent to another process.
        const isCutOff =
          isFault(answer) && (answer.message === connectionLost || answer.kind === 'timeout');
        return isCutOff && call.method === 'GET' ? await this.send(call) : answer;
      },
    },
    startTasks() {
      for (const { plane } of running) plane.tasks.start();
    },
    async startSagas() {
      await Promise.all(running.map(async ({ plane }) => await plane.sagas.start()));
    },
    async crash(process) {
      process.end();
      running = running.filter((each) => each.process !== process);
      for (const database of databases.get(process) ?? []) await database.close();
    },
    async restart(ended, sameName) {
      const next = await begin(sameName ? ended.name : nextName());
      running.push(next);
      next.plane.tasks.start();
      await next.plane.sagas.start();
      return next.process;
    },
    async close() {
      for (const { plane } of running) await plane.close();
      await bus.close();
    },
  };
}

/**
 * The databases by name. Without sync, since a killed process loses nothing that it has written.
 */
const testDatabases = async (home: Home): Promise<ReadonlyMap<DatabaseName, DatabaseConfig>> =>
  new Map(
    await Promise.all(
      databaseNames.map(async (name) => {
        const path = databaseFile(home, name);
        return [name, await testDatabase({ dialect: 'sqlite', path, synchronous: 'OFF' })] as const;
      }),
    ),
  );

function depsOf(
  options: SimControlOptions,
  process: SimProcess,
  bus: Bus,
  configs: ReadonlyMap<DatabaseName, DatabaseConfig>,
  opened: Database<unknown>[],
): ControlPlaneDeps {
  const { home, secrets, config, network, storage, ids, metrics, invariants } = options;
  const { clock } = process;
  const log = options.processes === 1 ? options.log : options.log.child({ process: process.name });
  const elsewhere = <T>(call: () => T): T => invariants?.elsewhere(call) ?? call();
  const own = busOf(process, bus, elsewhere);
  const openSdn = options.wrapSdn?.(network.openSdn) ?? network.openSdn;
  const watchedSdn = invariants?.watchSdn(openSdn) ?? openSdn;
  return {
    home,
    secrets,
    config,
    origin,
    network: {
      ...network,
      openSdn: (listeners) => sdnOf(process, watchedSdn, listeners),
    },
    storage,
    bmcs: options.bmcs,
    clock,
    ids,
    log,
    bus: options.wrapBus?.(own, clock) ?? own,
    processName: process.name,
    keystone: { ...options.keystone, shared: options.processes > 1 },
    openDatabase<T>(name: DatabaseName) {
      const config = configs.get(name);
      if (!config) throw new Error(`no database ${name}`);
      const database = openDatabase<T>(config, { log, clock, ids });
      opened.push(database as Database<unknown>);
      const wrapped = options.wrapDatabase?.(database, name, process) ?? database;
      return invariants?.watchDatabase(wrapped, name) ?? wrapped;
    },
    ...(metrics ? { metrics } : {}),
    wrapSagas(sagas) {
      const wrapped = options.wrapSagas?.(sagas, process) ?? sagas;
      return invariants?.watchSagas(wrapped, process) ?? wrapped;
    },
    wrapTasks(tasks) {
      const wrapped = options.wrapTasks?.(tasks) ?? tasks;
      return invariants?.watchTasks(wrapped, process) ?? wrapped;
    },
    wrapHttp: (http) => {
      const inside: HttpClient = { send: async (call) => await elsewhere(() => http.send(call)) };
      return options.wrapHttp?.(inside, clock) ?? inside;
    },
  };
}
