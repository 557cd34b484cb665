// The whole cloud in one process: control plane, agents, hosts. Used by `cobalt up` and by
// end-to-end tests.
import { isFault } from '#contracts/common/fault.ts';
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import { createLocalFiler } from '#hosts/local/local-filer.ts';
import { createLocalNetwork } from '#hosts/local/local-network.ts';
import type { AccelerationSetting } from '#hosts/local/probe-acceleration.ts';
import { createServiceSession } from '#openstack/auth/service-session.ts';
import { systemClock } from '#platform/clock.ts';
import { loadConfig } from '#platform/config/config.ts';
import { isStorageFull } from '#platform/db/errors.ts';
import { StateTooNewError } from '#platform/db/migrate.ts';
import { startHttpServer } from '#platform/http/server.ts';
import { systemIds } from '#platform/ids.ts';
import type { Log } from '#platform/log.ts';
import { createMetrics } from '#platform/metrics/metrics.ts';
import { createTaskRunner } from '#platform/tasks/tasks.ts';
import type { Task } from '#platform/tasks/tasks.ts';
import { createTroubleLog } from '#platform/trouble-log.ts';
import { chooseAcceleration } from './acceleration.ts';
import { cloudConfigSchema } from './config.ts';
import {
  consolePage,
  consoleServer,
  consoleSocketPath,
  createConsoleProxy,
} from './console-proxy.ts';
import { createControlPlane } from './control-plane.ts';
import { recordSizes } from './database-sizes.ts';
import { prepareHome, readSecrets, writeCloudsYaml } from './home.ts';
import { simulatedHostName, startFleet } from './hosts.ts';
import { ovnNetwork, simulatedNetwork } from './network.ts';
import { consoleTarget } from './roles/nova.ts';
import { rootPage } from './root-page.ts';
import { seedBlankImages, seedGuestImages } from './seed-images.ts';
import { seedCloud } from './seed.ts';
import {
  checkDatabases,
  prepareConversions,
  recordDatabases,
  tightenModes,
} from './state-files.ts';
import { nfsStorage, simulatedStorage } from './storage.ts';
import { version } from './version.ts';

export interface EmbeddedOptions {
  homeDir: string;
  port: number;
  localHosts: number;
  simulatedHosts: number;
  /** Overrides the setting of cobalt.yaml. */
  acceleration?: AccelerationSetting | undefined;
  log: Log;
  env: Readonly<Record<string, string | undefined>>;
  /**
   * Told when a step has ended; `failed`: it did not do what it should, and why. The cloud runs
   * without.
   */
  onStep(step: string, ms: number, failed?: string): void;
}

export interface EmbeddedCloud {
  origin: string;
  identityUrl: string;
  /** Hosts whose agents have not registered yet; they go on trying. */
  lateHosts: string[];
  /** New requests are refused, running steps end, agents stop. Guests run on. */
  stop(): Promise<void>;
}

// A host that has not come by now is reported and left to its retries: work for the others must not
// wait longer.
const hostsReadyMs = 10_000;

const retryImagesMs = 20_000;

/** Tries until the images are there: a mirror that was away comes back. */
function retryImages(seed: () => Promise<Outcome<void>>, log: Log): Task {
  const troubles = createTroubleLog(log);
  let complete = false;
  return {
    name: 'cloud.seed-guest-images',
    everyMs: retryImagesMs,
    scope: 'every',
    async run() {
      if (complete) return;
      const seeded = await seed();
      troubles.note('images', seeded, 'no guest images');
      complete = !isFault(seeded);
    },
  };
}

/**
 * Starts everything in order of need. A fault tells what a person can do about it; nothing keeps
 * running after one.
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<Outcome<EmbeddedCloud>> {
  const { log, onStep } = options;
  let stepStartedAt = systemClock.monotonicMs();
  const step = (name: string, failed?: string): void => {
    const now = systemClock.monotonicMs();
    onStep(name, Math.round(now - stepStartedAt), failed);
    stepStartedAt = now;
  };
  const home = await prepareHome(options.homeDir);
  if (isFault(home)) return home;
  for (const path of await tightenModes(home))
    log.warn({ path }, 'others could read this; now only its owner can');
  await prepareConversions(home);
  const databases = await checkDatabases(home);
  if (isFault(databases)) return databases;
  const config = await loadConfig(cloudConfigSchema, {
    file: home.configFile,
    env: options.env,
    prefix: 'COBALT',
  });
  const secrets = await readSecrets(options.homeDir);
  const origin = `http://${config.api.host}:${options.port}`;
  const identityUrl = `${origin}/identity/v3`;
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

  const acceleration =
    options.localHosts > 0
      ? await chooseAcceleration(options.acceleration ?? config.acceleration, {
          home,
          log: log.child({ component: 'images' }),
        })
      : null;
  if (isFault(acceleration)) return acceleration;
  if (acceleration) {
    log.info(acceleration, 'acceleration');
    step(
      acceleration.kind === 'kvm' ? 'acceleration: KVM' : 'acceleration: none, guests are emulated',
    );
  }
  const network =
    options.localHosts > 0
      ? await createLocalNetwork({
          stateDir: options.homeDir,
          log: log.child({ component: 'hosts' }),
          clock,
        }).start({ publicCidr: config.neutron.publicCidr || null })
      : null;
  if (isFault(network)) return network;
  if (network) step(`network (external: ${network.publicCidr})`);
  const filer = network
    ? await createLocalFiler({
        stateDir: options.homeDir,
        log: log.child({ component: 'hosts' }),
        clock,
      }).start(network)
    : null;
  if (isFault(filer)) return filer;
  if (filer) step('filer');

  let plane: Awaited<ReturnType<typeof createControlPlane>>;
  try {
    const simulated = Array.from({ length: options.simulatedHosts }, (_, index) =>
      simulatedHostName(index + 1),
    );
    const below = network
      ? ovnNetwork(network, simulated, { clock, log: log.child({ component: 'ovn' }) })
      : simulatedNetwork(simulated, { clock });
    plane = await createControlPlane({
      home,
      secrets,
      config,
      origin,
      network: below,
      storage: filer
        ? nfsStorage({ home, config, clock, ids, log }, filer)
        : simulatedStorage(home),
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
      pages: async (path, query, accept) => {
        if (path === '/') return rootPage(origin, accept);
        if (path === '/metrics')
          return { status: 200, type: 'text/plain; version=0.0.4', body: await metrics.text() };
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
  await writeCloudsYaml(home.cloudsYaml, identityUrl, config.api.region, [
    { cloud: 'cobalt', name: 'admin', password: secrets.admin, project: 'admin' },
    { cloud: 'cobalt-demo', name: 'demo', password: secrets.demo, project: 'demo' },
  ]);
  step('APIs answer');

  const tasks = createTaskRunner({ clock, ids, log: log.child({ component: 'tasks' }), metrics });
  closers.push(async () => await tasks.stop());
  tasks.start([recordSizes(home, clock)]);
  plane.tasks.start();
  closers.push(async () => await plane.tasks.stop());
  const fleet = startFleet(
    {
      plane,
      homeDir: options.homeDir,
      simulatedDir: home.simulated,
      config,
      acceleration: acceleration?.kind ?? 'tcg',
      metrics,
      clock,
      ids,
      log,
      version,
      network,
      metadataSecret: secrets.metadata,
    },
    { local: options.localHosts, simulated: options.simulatedHosts },
  );
  closers.push(async () => await fleet.stop());

  const admin = createServiceSession({
    http: plane.http,
    clock,
    user: { name: 'admin', password: secrets.admin, project: 'admin' },
  });
  const seedImages = async (): Promise<Outcome<void>> => {
    const seeder = { http: plane.http, session: admin };
    if (options.localHosts === 0) return await seedBlankImages(seeder);
    return await seedGuestImages(seeder, {
      outDir: home.guestImages,
      log: log.child({ component: 'images' }),
    });
  };
  const seeded = await seedImages();
  step(
    'guest images',
    isFault(seeded)
      ? `${seeded.message}\nIt is tried again every ${retryImagesMs / 1000} s.`
      : undefined,
  );
  if (isFault(seeded)) tasks.start([retryImages(seedImages, log)]);
  const lateHosts = await fleet.ready(hostsReadyMs);
  step(`hosts (${options.localHosts} real, ${options.simulatedHosts} simulated)`);
  // Unfinished work waits until the hosts it needs are there.
  await plane.sagas.start();
  return { origin, identityUrl, lateHosts, stop };
}
