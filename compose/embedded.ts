// The whole cloud in one process: control plane, agents, hosts. Used by `cobalt up`.
import { isFault } from '#contracts/common/fault.ts';
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import { systemClock } from '#platform/clock.ts';
import { isStorageFull } from '#platform/db/errors.ts';
import { StateTooNewError } from '#platform/db/migrate.ts';
import { startHttpServer } from '#platform/http/server.ts';
import { systemIds } from '#platform/ids.ts';
import { createMetrics } from '#platform/metrics/metrics.ts';
import { createTaskRunner } from '#platform/tasks/tasks.ts';
import type { BmcDirectory } from '#ports/bmc.ts';
import { adminSession } from './admin-session.ts';
import { startBmcs } from './bmcs.ts';
import {
  consolePage,
  consoleServer,
  consoleSocketPath,
  createConsoleProxy,
} from './console-proxy.ts';
import { createControlPlane } from './control-plane.ts';
import { recordSizes } from './database-sizes.ts';
import { listenToHaAgents } from './ha-listener.ts';
import { simulatedHostNames } from './host-names.ts';
import { simulatedHostsIn, startFleet } from './hosts.ts';
import type { Kubernetes } from './kubernetes.ts';
import { metricsPage } from './metrics-page.ts';
import { ovnNetwork, simulatedNetwork } from './network.ts';
import type { CloudOptions, RunningCloud } from './prepare-cloud.ts';
import { hostsReadyMs, prepareCloud, writeClients } from './prepare-cloud.ts';
import { reportCinder } from './roles/cinder.ts';
import { consoleTarget } from './roles/nova.ts';
import { rootPage } from './root-page.ts';
import { seedImages } from './seed-images.ts';
import { seedCloud } from './seed.ts';
import { recordDatabases } from './state-files.ts';
import { nfsStorage, simulatedStorage } from './storage.ts';
import { version } from './version.ts';

/**
 * Starts everything in order of dependency. A fault's message tells what a person can do about it;
 * nothing keeps running after a fault.
 */
export async function startEmbedded(options: CloudOptions): Promise<Outcome<RunningCloud>> {
  const { log } = options;
  const prepared = await prepareCloud(options);
  if (isFault(prepared)) return prepared;
  const { home, config, secrets, origin, identityUrl, below, step } = prepared;
  const clock = systemClock;
  const ids = systemIds;
  const metrics = createMetrics();
  const closers: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const close of closers.splice(0).reverse()) await close();
  };
  const giveUp = async (reason: Fault): Promise<Fault> => {
    await stop();
    return reason;
  };

  // Filled in below: created later than the control plane, which uses them.
  const later: { bmcs?: BmcDirectory; kubeFor?: Kubernetes['kubeFor'] } = {};
  /**
   * Hosts of the simulated network, including those added earlier, which have files in the folder.
   */
  const simulated = new Set([
    ...simulatedHostNames(options.simulatedHosts),
    ...(await simulatedHostsIn(home.simulated)),
  ]);
  let plane: Awaited<ReturnType<typeof createControlPlane>>;
  try {
    const network = below
      ? ovnNetwork(below.network, simulated, { clock, log: log.child({ component: 'ovn' }) })
      : simulatedNetwork(simulated, { clock });
    plane = await createControlPlane({
      home,
      secrets,
      config,
      origin,
      network,
      storage: below
        ? nfsStorage({ home, config, clock, ids, log }, below.filer)
        : simulatedStorage(home),
      bmcs: { bmcOf: (host) => later.bmcs?.bmcOf(host) },
      kubeFor: (manager) => later.kubeFor?.(manager),
      clock,
      ids,
      log,
      metrics,
    });
  } catch (error) {
    if (error instanceof StateTooNewError)
      return fault(
        'conflict',
        `${error.message}. Use the release that made it, another --home, or begin anew with: cobalt down --purge`,
      );
    if (isStorageFull(error))
      return fault(
        'storageFull',
        `The disk of ${options.homeDir} is full. Free some space, then start again.`,
      );
    throw error;
  }
  closers.push(async () => await plane.close());
  await recordDatabases(home);
  step('databases');

  await seedCloud(plane.process);
  await reportCinder(plane.process);
  step('users, roles, catalog, flavors, networks');

  const target = consoleTarget(plane.process);
  const proxy = createConsoleProxy({
    clock,
    target,
    log: log.child({ component: 'console' }),
  });
  try {
    const server = await startHttpServer(plane.dispatcher, {
      host: config.api.host,
      port: options.port,
      pages: async (path, query, accept, source) => {
        if (path === '/') return rootPage(origin, { accept, ha: config.ha.enabled });
        if (path === '/metrics') return await metricsPage(metrics, config.api.metricsFrom, source);
        return (await consoleServer(path, query, target)) ?? (await consolePage(path));
      },
      upgrades: { paths: [consoleSocketPath], onUpgrade: proxy },
      log: log.child({ component: 'http' }),
    });
    closers.push(async () => await server.close());
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE')
      return await giveUp(
        fault(
          'conflict',
          `Port ${options.port} is taken by another program. Choose one with --port N, or end that program (ss -ltnp 'sport = :${options.port}' names it).`,
        ),
      );
    if (code === 'EACCES')
      return await giveUp(
        fault(
          'forbidden',
          `Port ${options.port} may not be opened by this user. Choose one from 1024 with --port N.`,
        ),
      );
    throw error;
  }
  if (below && config.ha.enabled) {
    const hears = { network: below.network, log: log.child({ component: 'http' }) };
    const haAgents = await listenToHaAgents(plane.dispatcher, hears);
    if (isFault(haAgents)) return await giveUp(haAgents);
    closers.push(async () => await haAgents.close());
  }
  await writeClients(prepared);
  step('APIs answer');

  const { startKubernetes } = await import('./kubernetes.ts');
  const kubernetes = await startKubernetes({
    home,
    host: config.api.host,
    port: options.port,
    clock,
    ids,
    log,
  });
  if (isFault(kubernetes)) return await giveUp(kubernetes);
  closers.push(async () => await kubernetes.close());
  later.kubeFor = kubernetes.kubeFor;
  step(`Kubernetes API (${kubernetes.origin})`);
  if (config.cortex.enabled) {
    const { followKube } = await import('./roles/cortex.ts');
    closers.push(await followKube(plane.process, kubernetes.kubeFor('cortex')));
  }

  const tasks = createTaskRunner({ clock, ids, log: log.child({ component: 'tasks' }), metrics });
  closers.push(async () => await tasks.stop());
  tasks.start([recordSizes(home, clock)]);
  plane.tasks.start();
  closers.push(async () => await plane.tasks.stop());
  const zone = config.nova.defaultZone;
  const { registerHosts } = await import('./register-hosts.ts');
  const hosts = await registerHosts(kubernetes.kubeFor('cobalt'), zone, {
    local: options.localHosts,
    simulated: options.simulatedHosts,
  });
  simulated.clear();
  for (const { kind, name } of hosts) if (kind === 'simulated') simulated.add(name);
  const fleet = startFleet(
    {
      plane,
      homeDir: options.homeDir,
      simulatedDir: home.simulated,
      config,
      acceleration: prepared.acceleration,
      metrics,
      clock,
      ids,
      log,
      version,
      network: below?.network ?? null,
      secrets,
      kubeFor: kubernetes.kubeFor,
    },
    hosts,
  );
  closers.push(async () => await fleet.stop());
  const bmcs = await startBmcs({
    fleet,
    folder: home.bmcs,
    timing: config.bmc.timing,
    version,
    clock,
    ids,
    log,
  });
  closers.push(async () => await bmcs.close());
  later.bmcs = bmcs;

  const admin = adminSession(plane.http, clock, secrets);
  await seedImages(
    { http: plane.http, session: admin },
    { cloud: prepared, localHosts: options.localHosts, tasks, log },
  );
  const lateHosts = await fleet.ready(hostsReadyMs);
  const { startOperator } = await import('./hypervisor-operator.ts');
  const operator = startOperator({ kubernetes, plane, session: admin, clock, log, metrics });
  closers.push(async () => await operator.stop());
  const { keepFleet } = await import('./keep-fleet.ts');
  const keeper = await keepFleet({
    kube: kubernetes.kubeFor('cobalt'),
    fleet,
    bmcs,
    simulated,
    clock,
    log: log.child({ component: 'hosts' }),
  });
  closers.push(async () => await keeper.stop());
  const real = hosts.filter(({ kind }) => kind === 'local').length;
  step(`hosts (${real} real, ${hosts.length - real} simulated)`);
  // Last, because unfinished sagas continue now and need the hosts.
  await plane.sagas.start();
  return { origin, identityUrl, lateHosts, stop };
}
