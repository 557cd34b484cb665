// Makes every service of the control plane from its databases and drivers. Used embedded, by tests
// and by benchmarks.
import { isFault } from '#contracts/common/fault.ts';
import type { NeutronAudit } from '#contracts/neutron/audit.ts';
import type { NovaAudit, PlacementAudit } from '#contracts/nova/audit.ts';
import type { TokenValidator } from '#openstack/auth/context.ts';
import { createServiceSession } from '#openstack/auth/service-session.ts';
import type { ServiceSession } from '#openstack/auth/service-session.ts';
import type { HttpClient } from '#openstack/http/client.ts';
import { createInProcessClient } from '#openstack/http/client.ts';
import { createDispatcher } from '#openstack/http/dispatcher.ts';
import type { Dispatcher } from '#openstack/http/dispatcher.ts';
import type { HttpFace } from '#openstack/http/route.ts';
import type { Role } from '#openstack/role.ts';
import type { Bus } from '#platform/bus/bus.ts';
import { createInProcessBus } from '#platform/bus/in-process-bus.ts';
import type { Clock } from '#platform/clock.ts';
import { ConfigError } from '#platform/config/config.ts';
import type { Database } from '#platform/db/database.ts';
import { openDatabase } from '#platform/db/database.ts';
import { isDamaged } from '#platform/db/errors.ts';
import type { Migration } from '#platform/db/migrate.ts';
import { migrate } from '#platform/db/migrate.ts';
import type { Ids } from '#platform/ids.ts';
import type { Log } from '#platform/log.ts';
import type { Metrics } from '#platform/metrics/metrics.ts';
import type { SagaQueue } from '#platform/saga/queue.ts';
import { createSagaQueue } from '#platform/saga/queue.ts';
import { SagaRunner } from '#platform/saga/runner.ts';
import type { AnySaga } from '#platform/saga/saga.ts';
import { createTaskLeases } from '#platform/tasks/task-leases.ts';
import { createTaskRunner } from '#platform/tasks/tasks.ts';
import type { BackupStore } from '#ports/backup-store.ts';
import type { ImageStore } from '#ports/image-store.ts';
import type { Sdn, SdnListeners } from '#ports/sdn.ts';
import type { VolumeBackend } from '#ports/volume-backend.ts';
import { cinderDefaults } from '#services/cinder/deps.ts';
import type { CinderTables } from '#services/cinder/store/tables.ts';
import { createGlanceApi } from '#services/glance/api/role.ts';
import { auditImages } from '#services/glance/store/audit.ts';
import { migrations as glanceMigrations } from '#services/glance/store/migrations/index.ts';
import type { GlanceTables } from '#services/glance/store/tables.ts';
import { createKeystoneApi } from '#services/keystone/api/role.ts';
import type { KeystoneApi, KeystoneApiDeps } from '#services/keystone/api/role.ts';
import { migrations as keystoneMigrations } from '#services/keystone/store/migrations/index.ts';
import type { KeystoneTables } from '#services/keystone/store/tables.ts';
import { createNeutronApi } from '#services/neutron/api/role.ts';
import { seed as seedNetworks } from '#services/neutron/api/seed.ts';
import type { NeutronDeps } from '#services/neutron/deps.ts';
import { neutronDefaults } from '#services/neutron/deps.ts';
import { createNeutronOvnWriter } from '#services/neutron/ovn/role.ts';
import { neutronAudit } from '#services/neutron/store/audit.ts';
import { migrations as neutronMigrations } from '#services/neutron/store/migrations/index.ts';
import type { NeutronTables } from '#services/neutron/store/tables.ts';
import { createNovaApi } from '#services/nova/api/role.ts';
import { createNovaConductor } from '#services/nova/conductor/role.ts';
import { consoleTarget } from '#services/nova/console/console-target.ts';
import type { NovaDeps } from '#services/nova/deps.ts';
import { novaDefaults } from '#services/nova/deps.ts';
import { createNovaMetadata } from '#services/nova/metadata/role.ts';
import { createNovaScheduler } from '#services/nova/scheduler/role.ts';
import { novaAudit } from '#services/nova/store/audit.ts';
import { migrations as novaMigrations } from '#services/nova/store/migrations/index.ts';
import { seedFlavors } from '#services/nova/store/seed.ts';
import type { NovaTables } from '#services/nova/store/tables.ts';
import { createPlacementApi } from '#services/placement/api/role.ts';
import { placementAudit } from '#services/placement/store/audit.ts';
import { migrations as placementMigrations } from '#services/placement/store/migrations/index.ts';
import type { PlacementTables } from '#services/placement/store/tables.ts';
import { createCinder } from './cinder.ts';
import type { Cinder } from './cinder.ts';
import type { CloudConfig } from './config.ts';
import type { Home, Secrets } from './home.ts';
import { readPolicyFiles } from './policy-files.ts';
import { databaseFile } from './state-files.ts';
import type { DatabaseName } from './state-files.ts';

export interface ControlPlane {
  dispatcher: Dispatcher;
  http: HttpClient;
  bus: Bus;
  /** All roles of the cloud, in this process. */
  roles: readonly Role[];
  /** What these serve: the six OpenStack APIs, without the metadata API of guests. */
  apis: readonly HttpFace[];
  /** By database, in order of application. */
  migrations: Readonly<Record<string, readonly Migration[]>>;
  keystone: KeystoneApi;
  nova: {
    /** Makes the flavors that a fresh cloud starts with. Once in a cloud's life; safe to repeat. */
    seed(): Promise<void>;
    /** What Nova's database says, for `cobalt doctor --audit`. */
    audit(): Promise<NovaAudit>;
    /** What a console token opens; for the websocket proxy. */
    consoleTarget(token: string): ReturnType<typeof consoleTarget>;
  };
  neutron: {
    /** Makes what a fresh cloud starts with: the external network, and the demo project's own. */
    seed(): Promise<void>;
    /** What Neutron's database says, and how the network below differs from it. */
    audit(): Promise<NeutronAudit>;
  };
  cinder: Pick<Cinder, 'seed' | 'audit'>;
  /** For `cobalt doctor --audit`. */
  placement: { audit(): Promise<PlacementAudit> };
  glance: { audit(): Promise<string[]> };
  sagas: Pick<SagaRunner, 'start' | 'stop'>;
  /** The background tasks of all services. */
  tasks: { start(): void; stop(): Promise<void> };
  /** A session of a service user, for agents and tools. */
  session(name: string): ServiceSession;
  close(): Promise<void>;
}

/** The network that Neutron's objects become. */
export interface NetworkBelow {
  openSdn(listeners: SdnListeners): Sdn;
  /** Of the external network `public`; null: there is none. */
  publicCidr: string | null;
}

/** Where volumes, their backups and images lie. */
export interface StorageBelow {
  backends: ReadonlyMap<string, VolumeBackend>;
  backups: BackupStore;
  images: ImageStore;
}

export interface ControlPlaneDeps {
  home: Home;
  secrets: Secrets;
  config: CloudConfig;
  /** e.g. http://127.0.0.1:8780 */
  origin: string;
  network: NetworkBelow;
  storage: StorageBelow;
  clock: Clock;
  ids: Ids;
  log: Log;
  metrics?: Metrics;
  /** For simulations: stands between the services' sagas and their runner. */
  wrapSagas?: (definitions: readonly AnySaga[]) => readonly AnySaga[];
  /** For simulations: stands between the services' calls of each other. */
  wrapHttp?: (http: HttpClient) => HttpClient;
  /**
   * Shared with the agents and other control planes of the cloud; its owner closes it. One of its
   * own unless given.
   */
  bus?: Bus;
  /** Among the control planes on these databases, one life at a time; `embedded` unless told. */
  processName?: string;
  /** For simulations: how passwords are hashed, and whether other processes write, too. */
  keystone?: Pick<KeystoneApiDeps, 'passwordCost' | 'deriveHash' | 'shared'>;
}

export const serviceUsers = ['nova', 'glance', 'placement', 'neutron', 'cinder'] as const;
const mounts = {
  identity: '/identity',
  image: '/image',
  placement: '/placement',
  compute: '/compute',
  network: '/network',
  metadata: '/metadata',
  volume: '/volume',
} as const;

export function catalogOf(origin: string): { type: string; name: string; url: string }[] {
  return [
    { type: 'identity', name: 'keystone', url: `${origin}/identity/v3` },
    { type: 'image', name: 'glance', url: `${origin}/image` },
    { type: 'placement', name: 'placement', url: `${origin}/placement` },
    { type: 'compute', name: 'nova', url: `${origin}/compute/v2.1` },
    { type: 'network', name: 'neutron', url: `${origin}/network` },
    { type: 'volumev3', name: 'cinderv3', url: `${origin}/volume/v3` },
    { type: 'block-storage', name: 'cinder', url: `${origin}/volume/v3` },
  ];
}

/** One service: its database, and its roles in this process. */
interface ServiceParts {
  // each service's tables are its own: what is done here needs none of their types
  // oxlint-disable-next-line typescript/no-explicit-any
  database: Database<any>;
  migrations: readonly Migration[];
  roles: readonly Role[];
}

/**
 * Opens and migrates the databases and wires the services. Nothing runs yet: no socket, no saga, no
 * task.
 */
export async function createControlPlane(deps: ControlPlaneDeps): Promise<ControlPlane> {
  const { home, secrets, config, origin, network, storage, clock, ids, log, metrics } = deps;
  const owner = deps.processName ?? 'embedded';
  const closers: (() => Promise<void>)[] = [];
  const open = <T>(name: DatabaseName): Database<T> => {
    const database = openDatabase<T>(
      {
        dialect: 'sqlite',
        path: databaseFile(home, name),
        synchronous: config.database.synchronous as 'OFF' | 'NORMAL' | 'FULL',
      },
      { log: log.child({ room: name }), clock, ids },
    ); // the schema's pattern
    closers.push(async () => await database.close());
    return database;
  };
  const room = (name: string): Log => log.child({ room: name });
  const bus =
    deps.bus ??
    createInProcessBus({
      log: room('bus'),
      clock,
      ids,
      ...(metrics ? { observe: metrics.rpc } : {}),
    });
  // Services hold the client, the dispatcher holds the services: the circle closes at the end.
  const circle: { dispatcher?: Dispatcher } = {};
  const dispatcherOf = (): Dispatcher => {
    if (!circle.dispatcher) throw new Error('a service was called before all were made');
    return circle.dispatcher;
  };
  const direct = createInProcessClient(mounts, origin, dispatcherOf, clock);
  const http = deps.wrapHttp?.(direct) ?? direct;
  const session = (name: string): ServiceSession =>
    createServiceSession({
      http,
      clock,
      user: { name, password: secrets.service(name), project: 'service' },
    });

  const keystoneDatabase = open<KeystoneTables>('keystone');
  const keystone = await createKeystoneApi({
    db: keystoneDatabase.db,
    clock,
    ids,
    log: room('keystone'),
    keysFolder: home.fernetKeys,
    config: config.keystone,
    ...deps.keystone,
  });
  const glanceDatabase = open<GlanceTables>('glance');
  closers.push(async () => await storage.images.close());
  const glance = createGlanceApi({
    database: glanceDatabase,
    store: storage.images,
    clock,
    ids,
    log: room('glance'),
    config: config.glance,
    processName: owner,
  });
  const placementDatabase = open<PlacementTables>('placement');
  const placement = createPlacementApi({ database: placementDatabase, clock, ids });
  const novaDatabase = open<NovaTables>('nova');
  // A service that makes sagas wakes the runner of its own journal, which is made after it.
  const wake = { nova: (): void => undefined, cinder: (): void => undefined };
  const novaQueue = createSagaQueue({ db: novaDatabase.db, clock });
  const novaDeps: NovaDeps = {
    database: novaDatabase,
    sagas: novaQueue,
    bus,
    http,
    session: session('nova'),
    clock,
    ids,
    log: room('nova'),
    config: {
      ...novaDefaults,
      ...config.nova,
      consoleBaseUrl: `${origin}/console`,
      metadataSecret: secrets.metadata,
    },
  };
  const novaRoles = [
    createNovaApi(novaDeps),
    createNovaMetadata(novaDeps),
    createNovaConductor(novaDeps, () => wake.nova()),
    createNovaScheduler(novaDeps),
  ];
  const runnerOf = <T>(
    database: Database<T>,
    definitions: readonly AnySaga[],
    name: string,
    { events }: SagaQueue,
  ): SagaRunner =>
    new SagaRunner({
      db: database.db,
      definitions: deps.wrapSagas?.(definitions) ?? definitions,
      owner,
      clock,
      ids,
      log: room(name),
      events,
      ...(metrics ? { metrics } : {}),
    });
  const novaSagas = runnerOf(
    novaDatabase,
    novaRoles.flatMap(({ sagas }) => sagas),
    'nova',
    novaQueue,
  );
  wake.nova = () => novaSagas.wake();

  const neutronDatabase = open<NeutronTables>('neutron');
  const { dnsServers, ...neutronSettings } = config.neutron;
  const neutronDeps: NeutronDeps = {
    database: neutronDatabase,
    bus,
    http,
    session: session('neutron'),
    clock,
    ids,
    log: room('neutron'),
    config: {
      ...neutronDefaults,
      ...neutronSettings,
      publicCidr: network.publicCidr,
      dnsServers: dnsServers.split(/[ ,]+/).filter(Boolean),
    },
  };
  const ovnWriter = createNeutronOvnWriter({ ...neutronDeps, openSdn: network.openSdn });

  const cinderDatabase = open<CinderTables>('cinder');
  const cinderQueue = createSagaQueue({ db: cinderDatabase.db, clock });
  const cinder = createCinder(
    {
      database: cinderDatabase,
      sagas: cinderQueue,
      bus,
      http,
      session: session('cinder'),
      clock,
      ids,
      log: room('cinder'),
      config: { ...cinderDefaults, ...config.cinder },
    },
    storage,
    { home, processName: owner },
    () => wake.cinder(),
  );
  const cinderSagas = runnerOf(
    cinderDatabase,
    cinder.roles.flatMap(({ sagas }) => sagas),
    'cinder',
    cinderQueue,
  );
  wake.cinder = () => cinderSagas.wake();

  const services: Readonly<Record<DatabaseName, ServiceParts>> = {
    keystone: { database: keystoneDatabase, migrations: keystoneMigrations, roles: [keystone] },
    glance: { database: glanceDatabase, migrations: glanceMigrations, roles: [glance] },
    placement: { database: placementDatabase, migrations: placementMigrations, roles: [placement] },
    nova: { database: novaDatabase, migrations: novaMigrations, roles: novaRoles },
    neutron: {
      database: neutronDatabase,
      migrations: neutronMigrations,
      roles: [createNeutronApi(neutronDeps), ovnWriter],
    },
    cinder: { database: cinderDatabase, migrations: cinder.migrations, roles: cinder.roles },
  };
  for (const [name, { database, migrations }] of Object.entries(services))
    await migrate(database.db, database.dialect, name, migrations).catch((cause: unknown) => {
      if (!isDamaged(cause)) throw cause;
      throw new ConfigError(
        `The database of ${name} in ${home.databases} is damaged (${(cause as Error).message}). Restore it from a backup, or begin anew with: cobalt up --reset`,
      );
    });
  const roles = Object.values(services).flatMap((service) => service.roles);
  const faces = roles.flatMap((role) => role.http);
  const tokens: TokenValidator = keystone.tokens;
  const policyOverrides = await readPolicyFiles(home.policyFiles, faces);
  const dispatcher = createDispatcher(faces, {
    tokens,
    policyOverrides,
    clock,
    ids,
    log: room('http'),
    identityUrl: `${origin}/identity/v3`,
    ...(metrics ? { metrics } : {}),
  });
  circle.dispatcher = dispatcher;
  for (const role of roles)
    for (const { topic, handlers, concurrency } of role.rpc)
      bus.serve(topic, handlers, concurrency === undefined ? {} : { concurrency });

  const tasks = createTaskRunner({
    clock,
    ids,
    log: room('tasks'),
    ...(metrics ? { metrics } : {}),
  });
  const stopSagas = async (): Promise<void> =>
    void (await Promise.all([novaSagas.stop(), cinderSagas.stop()]));
  return {
    dispatcher,
    http,
    bus,
    roles,
    migrations: Object.fromEntries(
      Object.entries(services).map(([name, { migrations }]) => [name, migrations]),
    ),
    apis: faces.filter(({ serviceType }) => serviceType !== 'metadata'),
    keystone,
    nova: {
      seed: async () => await seedFlavors(novaDeps),
      audit: async () => await novaAudit(novaDeps),
      consoleTarget: async (token) => await consoleTarget(novaDeps, token),
    },
    neutron: {
      seed: async () => await seedNetworks(neutronDeps),
      audit: async () => {
        const below = await ovnWriter.audit();
        return {
          ...(await neutronAudit(neutronDatabase.db)),
          sdn: isFault(below) ? below.message : below,
        };
      },
    },
    cinder,
    placement: { audit: async () => await placementAudit(placementDatabase.db) },
    glance: { audit: async () => await auditImages(glanceDatabase.db, storage.images) },
    session,
    sagas: {
      async start() {
        await Promise.all([novaSagas.start(), cinderSagas.start()]);
      },
      stop: stopSagas,
    },
    tasks: {
      start() {
        for (const { database, roles: ofService } of Object.values(services))
          tasks.start(
            ofService.flatMap((role) => role.tasks),
            createTaskLeases({ db: database.db, owner, clock }),
          );
      },
      stop: async () => await tasks.stop(),
    },
    async close() {
      await tasks.stop();
      await stopSagas();
      await ovnWriter.close();
      if (!deps.bus) await bus.close();
      for (const backend of storage.backends.values()) backend.close();
      for (const close of closers) await close();
    },
  };
}
