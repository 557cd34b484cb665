// What the roles of one process share: databases, bus, HTTP client, sessions, saga queues and
// drivers. The roles of a service take it and make themselves (roles/). Nothing runs yet.
import { createServiceSession } from '#openstack/auth/service-session.ts';
import type { ServiceSession } from '#openstack/auth/service-session.ts';
import type { HttpClient } from '#openstack/http/client.ts';
import type { Bus } from '#platform/bus/bus.ts';
import type { Clock } from '#platform/clock.ts';
import type { Database } from '#platform/db/database.ts';
import { openDatabase } from '#platform/db/database.ts';
import type { Ids } from '#platform/ids.ts';
import type { Log } from '#platform/log.ts';
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

export interface ProcessDeps {
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
  bus: Bus;
  http: HttpClient;
  /** The BMCs of hosts; none by default. */
  bmcs?: BmcDirectory;
  /** A client of Kubernetes' API, once there is one; none by default. */
  kubeFor?: (manager: string) => Kube | undefined;
  /** Among the processes on these databases, one life at a time. */
  processName: string;
  /** Opens a service's database; SQLite in the state folder by default. */
  openDatabase?: <T>(name: DatabaseName) => Database<T>;
  /** For simulations: how passwords are hashed, and whether other processes write, too. */
  keystone?: Pick<KeystoneApiDeps, 'passwordCost' | 'deriveHash' | 'shared'>;
}

export interface CloudProcess extends ProcessDeps {
  /** Opened at the first call; each service names the tables of its own alone. */
  database<T>(name: DatabaseName): Database<T>;
  /** Of that database. */
  sagas(name: DatabaseName): SagaQueue;
  /** Tells the runner of that database's sagas in this process to look at the journal. */
  wakeSagas(name: DatabaseName): void;
  /** For the runner, once it is there. */
  onWakeSagas(name: DatabaseName, wake: () => void): void;
  logOf(component: string): Log;
  /** A session of a service user, for services, agents and tools. */
  session(user: string): ServiceSession;
  /** What `make` gives at the first call of this key. */
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
    return singletons.get(key) as T; // by the same key
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
            synchronous: config.database.synchronous as 'OFF' | 'NORMAL' | 'FULL', // by the schema
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
