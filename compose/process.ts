// What the roles of one process share: databases, bus, HTTP client, sessions, saga queues and
// drivers. The functions in roles/ create a service's roles from it. Creating it starts nothing.
import { createServiceSession } from '#openstack/auth/service-session.ts';
import type { ServiceSession } from '#openstack/auth/service-session.ts';
import type { HttpClient } from '#openstack/http/client.ts';
import type { Bus } from '#platform/bus/bus.ts';
import type { Clock } from '#platform/clock.ts';
import type { Database } from '#platform/db/database.ts';
import { openDatabase } from '#platform/db/database.ts';
import type { Ids } from '#platform/ids.ts';
import type { Log } from '#platform/log.ts';
import type { Metrics } from '#platform/metrics/metrics.ts';
import type { SagaQueue } from '#platform/saga/queue.ts';
import { createSagaQueue } from '#platform/saga/queue.ts';
import type { BackupStore } from '#ports/backup-store.ts';
import type { BmcDirectory } from '#ports/bmc.ts';
import type { ImageStore } from '#ports/image-store.ts';
import type { Kube } from '#ports/kube.ts';
import type { Sdn, SdnListeners } from '#ports/sdn.ts';
import type { VolumeBackend } from '#ports/volume-backend.ts';
import type { KeystoneApiDeps } from '#services/keystone/api/role.ts';
import type { CloudConfig } from './config.ts';
import type { Home, Secrets } from './home.ts';
import { databaseFile } from './state-files.ts';
import type { DatabaseName } from './state-files.ts';

/** The network that Neutron configures. */
export interface NetworkBelow {
  openSdn(listeners: SdnListeners): Sdn;
  /** CIDR of the external network `public`; null if there is none. */
  publicCidr: string | null;
}

/** Where volumes, backups and images are stored. */
export interface StorageBelow {
  backends: ReadonlyMap<string, VolumeBackend>;
  backups: BackupStore;
  images: ImageStore;
}

export interface ProcessDeps {
  home: Home;
  secrets: Secrets;
  config: CloudConfig;
  /** The cloud's address, e.g. http://127.0.0.1:8780 */
  origin: string;
  network: NetworkBelow;
  storage: StorageBelow;
  clock: Clock;
  ids: Ids;
  log: Log;
  metrics?: Metrics;
  bus: Bus;
  http: HttpClient;
  /** The BMCs of hosts; none by default. */
  bmcs?: BmcDirectory;
  /** Clients of the Kubernetes API once it has started; none by default. */
  kubeFor?: (manager: string) => Kube | undefined;
  /** Owner of leases and claims; unique among the running processes that share these databases. */
  processName: string;
  /** Opens a service's database; SQLite in the state folder by default. */
  openDatabase?: <T>(name: DatabaseName) => Database<T>;
  /**
   * For simulations: how passwords are hashed, and whether other processes write to the database
   * too.
   */
  keystone?: Pick<KeystoneApiDeps, 'passwordCost' | 'deriveHash' | 'shared'>;
}

export interface CloudProcess extends ProcessDeps {
  /** Opens the database at the first call; each service names only its own tables. */
  database<T>(name: DatabaseName): Database<T>;
  /** The saga queue of that database. */
  sagas(name: DatabaseName): SagaQueue;
  /** Makes this process's saga runner of that database look at the journal. */
  wakeSagas(name: DatabaseName): void;
  /** Registers the runner's `wake`, once the runner exists. */
  onWakeSagas(name: DatabaseName, wake: () => void): void;
  logOf(component: string): Log;
  /** A Keystone session of a service user, for services, agents and tools. */
  session(user: string): ServiceSession;
  /** Calls `make` at the first call with this key, and returns the same value ever after. */
  once<T>(key: string, make: () => T): T;
  /** Closes the databases and the storage. */
  close(): Promise<void>;
}

export function createProcess(deps: ProcessDeps): CloudProcess {
  const { home, secrets, config, storage, clock, ids, log, http } = deps;
  const singletons = new Map<string, unknown>();
  const wakers = new Map<DatabaseName, () => void>();
  const closers: (() => Promise<void>)[] = [];
  const once = <T>(key: string, make: () => T): T => {
    if (!singletons.has(key)) singletons.set(key, make());
    return singletons.get(key) as T; // cast: stored under the same key
  };
  const logOf = (component: string): Log => log.child({ component });
  const database = <T>(name: DatabaseName): Database<T> =>
    once(`database ${name}`, () => {
      const opened =
        deps.openDatabase?.<T>(name) ??
        openDatabase<T>(
          {
            dialect: 'sqlite',
            path: databaseFile(home, name),
            // The schema allows only these.
            synchronous: config.database.synchronous as 'OFF' | 'NORMAL' | 'FULL',
          },
          { log: logOf(name), clock, ids },
        );
      closers.push(async () => await opened.close());
      return opened;
    });
  return {
    ...deps,
    database,
    sagas: (name) => once(`sagas ${name}`, () => createSagaQueue({ db: database(name).db, clock })),
    wakeSagas: (name) => wakers.get(name)?.(),
    onWakeSagas: (name, wake) => void wakers.set(name, wake),
    logOf,
    session: (user) =>
      createServiceSession({
        http,
        clock,
        user: { name: user, password: secrets.service(user), project: 'service' },
      }),
    once,
    async close() {
      for (const backend of storage.backends.values()) backend.close();
      await storage.images.close();
      for (const close of closers) await close();
    },
  };
}
