// A distributed cloud on one machine: its own MariaDB, RabbitMQ and HAProxy, and each role in
// processes of its own. Used by `cobalt up --distributed`.
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Outcome } from '#contracts/common/fault.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { HaproxyPlace } from '#hosts/daemons/haproxy.ts';
import { checkEveryMs, haproxyNeeds, prepareHaproxy } from '#hosts/daemons/haproxy.ts';
import {
  mariadbNeeds,
  mariadbSocket,
  mariadbUser,
  prepareMariadb,
} from '#hosts/daemons/mariadb.ts';
import type { RabbitmqPlace } from '#hosts/daemons/rabbitmq.ts';
import {
  epmdProcess,
  prepareRabbitmq,
  rabbitmqNeeds,
  rabbitmqUser,
} from '#hosts/daemons/rabbitmq.ts';
import type { SupervisedProcess, ProcessSpec } from '#hosts/daemons/supervised-process.ts';
import { superviseProcess } from '#hosts/daemons/supervised-process.ts';
import { missingProgram } from '#hosts/local/needs.ts';
import { machineAddress } from '#hosts/local/underlay.ts';
import type { ClientDeps } from '#openstack/clients/call.ts';
import { itself } from '#openstack/clients/call.ts';
import { novaClient } from '#openstack/clients/nova.ts';
import { createSocketClient } from '#openstack/http/client.ts';
import type { Clock } from '#platform/clock.ts';
import { systemClock } from '#platform/clock.ts';
import { systemIds } from '#platform/ids.ts';
import { Secret } from '#platform/log.ts';
import { createTaskRunner } from '#platform/tasks/tasks.ts';
import { unusedPorts } from '#platform/unused-ports.ts';
import { adminSession } from './admin-session.ts';
import { mounts } from './catalog.ts';
import type { Home } from './home.ts';
import { writeWhole } from './home.ts';
import { localHostName, simulatedHostNames } from './host-names.ts';
import { haAgentPath, haAgentsPort } from './local-ha-agent.ts';
import { migrateDatabases } from './migrate.ts';
import type { CloudOptions, PreparedCloud, RunningCloud } from './prepare-cloud.ts';
import { hostsReadyMs, prepareCloud, writeClients } from './prepare-cloud.ts';
import type { ProcessConfig } from './process-config.ts';
import { readProcessConfig } from './process-config.ts';
import type { PlannedProcess } from './process-plan.ts';
import { pathsOf, processPlan } from './process-plan.ts';
import { writeProcessTable } from './process-table.ts';
import { seedImages } from './seed-images.ts';

/** MariaDB's limit: 27 processes with at most 10 connections each, and a reserve for operators. */
const maxConnections = 400;
/** A limit against hanging only: on a busy machine this many processes take a while to start. */
const processReadyMs = 180_000;
/** Allowance for HAProxy's health check of a process, and for its reaction to the answer. */
const checkLatencyMs = 250;
/** How long a process may take to stop before it is killed. */
const processStopMs = 45_000;
/** Interval at which Nova is asked whether the hosts' agents have registered. */
const hostsPollMs = 250;

interface Processes {
  stop(): Promise<void>;
}

interface Deps {
  options: CloudOptions;
  cloud: PreparedCloud;
  /** Names of the local (not simulated) hosts. */
  localHosts: readonly string[];
}

/**
 * Starts the cloud; resolves when every process is ready and the hosts have registered. After a
 * fault nothing keeps running.
 */
export async function startDistributed(options: CloudOptions): Promise<Outcome<RunningCloud>> {
  const { log } = options;
  const [clock, ids] = [systemClock, systemIds];
  const missing = missingProgram([...mariadbNeeds, ...rabbitmqNeeds, ...haproxyNeeds]);
  if (missing) return missing;
  const cloud = await prepareCloud(options);
  if (isFault(cloud)) return cloud;
  const localHosts = Array.from({ length: options.localHosts }, (_, index) =>
    localHostName(index + 1),
  );
  const processes = await startProcesses({ options, cloud, localHosts });
  if (isFault(processes)) return processes;
  await writeClients(cloud);
  const tasks = createTaskRunner({ clock, ids, log: log.child({ component: 'tasks' }) });
  const mountsAt = Object.entries(mounts).map(([name, mount]) => [name, cloud.origin + mount]);
  const http = createSocketClient(Object.fromEntries(mountsAt) as Record<string, string>, clock);
  const session = adminSession(http, clock, cloud.secrets);
  try {
    await seedImages({ http, session }, { cloud, localHosts: options.localHosts, tasks, log });
  } catch (error) {
    await processes.stop();
    throw error;
  }
  const lateHosts = await hostsThatAreLate({ http, session, clock }, [
    ...localHosts,
    ...simulatedHostNames(options.simulatedHosts),
  ]);
  cloud.step(`hosts (${options.localHosts} real, ${options.simulatedHosts} simulated)`);
  return {
    origin: cloud.origin,
    identityUrl: cloud.identityUrl,
    lateHosts,
    async stop() {
      await tasks.stop();
      await processes.stop();
    },
  };
}

/**
 * Waits until the agents of these hosts have registered; returns the hosts that have not in time.
 */
async function hostsThatAreLate(
  deps: ClientDeps & { clock: Clock },
  hosts: readonly string[],
): Promise<string[]> {
  const nova = novaClient(deps, itself);
  const endsMs = deps.clock.now() + hostsReadyMs;
  for (;;) {
    const services = await nova.computeServices();
    const up = isFault(services)
      ? new Set<string>()
      : new Set(services.filter(({ state }) => state === 'up').map(({ host }) => host));
    const late = hosts.filter((host) => !up.has(host));
    if (late.length === 0 || deps.clock.now() > endsMs) return late;
    await deps.clock.sleep(hostsPollMs);
  }
}

async function startProcesses(deps: Deps): Promise<Outcome<Processes>> {
  const { options, cloud, localHosts } = deps;
  const { home, step } = cloud;
  const { log } = options;
  const clock = systemClock;
  const processes: SupervisedProcess[] = [];
  const onChange = recordChanges(home, processes);
  const keep = async (spec: ProcessSpec): Promise<Outcome<void>> => {
    const running = superviseProcess(
      { ...spec, onChange },
      { clock, log: log.child({ component: 'processes' }) },
    );
    processes.push(running);
    return await running.ready();
  };
  const plan = processPlan({
    localHosts,
    simulatedHosts: options.simulatedHosts,
    ha: cloud.config.ha.enabled,
  });
  const ports = await unusedPorts(plan.length + 3, options.port + 1);
  const portOf = ({ portIndex }: PlannedProcess): number => ports[portIndex] ?? 0;
  const [brokerPort = 0, distributionPort = 0, epmdPort = 0] = ports.slice(plan.length);
  const broker: RabbitmqPlace = {
    folder: join(home.dir, 'rabbitmq'),
    port: brokerPort,
    distributionPort,
    epmdPort,
    password: await brokerPassword(home),
  };
  const stop = async (): Promise<void> => {
    // Roles stop first, all at once; their database, broker and proxy stop when the last role has
    // ended.
    const daemons = processes.filter(({ name }) => daemonNames.includes(name));
    const roles = processes.filter((each) => !daemons.includes(each));
    await Promise.all(roles.map(async (each) => await each.stop()));
    await Promise.all(daemons.map(async (each) => await each.stop()));
  };
  const start = async (): Promise<Outcome<void>> => {
    await mkdir(home.processLogs, { recursive: true, mode: 0o700 });
    const database = await prepareMariadb(join(home.dir, 'mariadb'), maxConnections);
    if (isFault(database)) return database;
    const startBroker = async (): Promise<Outcome<void>> => {
      const spec = await prepareRabbitmq(broker);
      const names = await keep(epmdProcess(broker));
      return isFault(names) ? names : await keep(spec);
    };
    const daemons = await Promise.all([keep(database), startBroker()]);
    const failure = daemons.find(isFault);
    if (failure) return failure;
    step('MariaDB and RabbitMQ');
    const file = await writeSettings(deps, broker);
    await migrateDatabases((await readProcessConfig(file, {})).value, home, log);
    step('databases: schemas, users, catalog, flavors, networks');
    const proxy = await prepareHaproxy({
      folder: join(home.dir, 'haproxy'),
      host: cloud.config.api.host,
      port: options.port,
      backends: backendsOf(plan, portOf),
      ...haAgentsAddress(cloud),
    });
    const started = await Promise.all([
      keep(proxy),
      ...plan.map(async (planned) => await keep(roleProcess(planned, portOf(planned), file, deps))),
    ]);
    return started.find(isFault);
  };
  const failed = await start().catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  if (failed) {
    await stop();
    return failed;
  }
  step(`${plan.length} processes of ${new Set(plan.map(({ part }) => part)).size} roles`);
  return { stop };
}

/**
 * Returns a function to call after each change, which writes the process table; changes in quick
 * succession are written once.
 */
function recordChanges(home: Home, processes: readonly SupervisedProcess[]): () => void {
  let isWaiting = false;
  let writing = Promise.resolve();
  return () => {
    if (isWaiting) return;
    isWaiting = true;
    writing = writing.then(async () => {
      isWaiting = false;
      await writeProcessTable(
        home,
        processes.map(({ name, pid, isReady, restarts }) => ({
          name,
          pid: pid ?? null,
          ready: isReady,
          restarts,
        })),
      ).catch(() => undefined); // disk full: `status` shows the last record
    });
  };
}

const daemonNames: readonly string[] = ['mariadb', 'rabbitmq', 'epmd'];

async function brokerPassword({ dir }: Home): Promise<Secret> {
  const file = join(dir, 'rabbitmq-password');
  const stored = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  if (stored !== '') return new Secret(stored);
  const password = systemIds.bytes(18).toString('base64url');
  await writeWhole(file, password, 0o600);
  return new Secret(password);
}

/**
 * Writes the settings file for all processes: the operator's settings, and how they reach each
 * other.
 */
async function writeSettings(
  { options, cloud, localHosts }: Deps,
  broker: RabbitmqPlace,
): Promise<string> {
  const { home, below, acceleration, origin } = cloud;
  const { simulatedHosts } = options;
  const { value } = await readProcessConfig(home.configFile, options.env);
  const facts = join(home.dir, 'local-network.json');
  if (below) await writeWhole(facts, JSON.stringify(below.network), 0o600);
  const settings: ProcessConfig = {
    ...value,
    acceleration,
    cloud: { origin },
    bus: {
      ...value.bus,
      hosts: `127.0.0.1:${broker.port}`,
      user: rabbitmqUser,
      passwordFile: join(home.dir, 'rabbitmq-password'),
    },
    mariadb: {
      ...value.mariadb,
      socketPath: mariadbSocket(join(home.dir, 'mariadb')),
      user: mariadbUser,
    },
    storage: {
      ...value.storage,
      ...(below
        ? { nfsServer: below.filer.server, nfsPath: below.filer.share }
        : { simulated: true }),
    },
    neutron: {
      ...value.neutron,
      ...(below ? { publicCidr: below.network.publicCidr } : {}),
    },
    ovn: below
      ? {
          ...value.ovn,
          northbound: below.network.northbound,
          southbound: below.network.southbound,
        }
      : { ...value.ovn, simulatedHosts },
    host: {
      ...value.host,
      simulated: simulatedHosts,
      networkFacts: below ? facts : '',
      share: localHosts.length === 0 ? 1 : 1 / localHosts.length,
    },
  };
  const file = home.processSettings;
  await writeWhole(file, stringify(settings), 0o600);
  return file;
}

const backendsOf = (plan: readonly PlannedProcess[], portOf: (planned: PlannedProcess) => number) =>
  Object.entries(pathsOf)
    .filter(([part]) => plan.some((planned) => planned.part === part))
    .map(([part, paths]) => ({
      name: part,
      // Keystone's backend also serves the cloud's root path.
      paths: part === 'keystone' ? [] : paths,
      servers: plan
        .filter((planned) => planned.part === part)
        .map((planned) => ({ name: planned.name, port: portOf(planned) })),
    }));

/**
 * The address for HA Agents: those of local hosts report over the management network, so HAProxy
 * also listens there, for their path only.
 */
const haAgentsAddress = ({ below, config }: PreparedCloud): Pick<HaproxyPlace, 'only'> =>
  below && config.ha.enabled
    ? {
        only: {
          host: machineAddress(below.network),
          port: haAgentsPort,
          path: haAgentPath,
          backend: 'ha-api',
        },
      }
    : {};

function roleProcess(
  { name, part, settings }: PlannedProcess,
  port: number,
  file: string,
  { options: { env }, cloud: { home } }: Deps,
): ProcessSpec {
  const main = join(import.meta.dirname, '../cli/main.ts');
  const command = [process.execPath, ...process.execArgv, main, 'serve', part];
  return {
    name,
    command: command.concat(
      '--home',
      home.dir,
      '--config',
      file,
      '--name',
      name,
      '--port',
      `${port}`,
    ),
    // Settings in the operator's environment are written to the settings file instead.
    env: { ...withoutSettings(env), ...settings },
    logFile: join(home.processLogs, `${name}.log`),
    // Ready only after HAProxy's next check of the process, so that a rolling restart never leaves
    // HAProxy without a backend that it knows to be up.
    async isReady() {
      if (!(await fetch(`http://127.0.0.1:${port}/readyz`)).ok) return false;
      await systemClock.sleep(checkEveryMs + checkLatencyMs);
      return true;
    },
    readyWithinMs: processReadyMs,
    stopWithinMs: processStopMs,
  };
}

const withoutSettings = (env: CloudOptions['env']): NodeJS.ProcessEnv =>
  Object.fromEntries(
    Object.entries(env).filter(([name]) => !(name.startsWith('COBALT_') && name.includes('__'))),
  );
