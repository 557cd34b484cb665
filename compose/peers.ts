// Connects a process of a distributed cloud to its peers: MariaDB, RabbitMQ, OVN and the storage,
// as configured. Used by serve.ts and migrate.ts, and by the audit (observe-cloud.ts).
import { sql } from 'kysely';
import type { BrokerBus } from '#platform/bus/amqp/amqp-bus.ts';
import { createAmqpBus } from '#platform/bus/amqp/amqp-bus.ts';
import type { Bus } from '#platform/bus/bus.ts';
import { createInProcessBus } from '#platform/bus/in-process-bus.ts';
import type { Clock } from '#platform/clock.ts';
import { ConfigError } from '#platform/config/config.ts';
import type { Database, DatabaseConfig } from '#platform/db/database.ts';
import { openDatabase } from '#platform/db/database.ts';
import type { Ids } from '#platform/ids.ts';
import type { Log } from '#platform/log.ts';
import type { Metrics } from '#platform/metrics/metrics.ts';
import type { Peer } from './health.ts';
import type { Home } from './home.ts';
import { simulatedHostNames } from './host-names.ts';
import type { ProcessConfig } from './process-config.ts';
import { secretIn } from './process-config.ts';
import type { NetworkBelow, StorageBelow } from './process.ts';
import type { RoleName } from './roles/table.ts';
import type { DatabaseName } from './state-files.ts';
import { databaseFile } from './state-files.ts';
import { trustAuthorities } from './trust-authorities.ts';

export interface PeerDeps {
  config: ProcessConfig;
  home: Home;
  clock: Clock;
  ids: Ids;
  log: Log;
  metrics?: Metrics;
}

export interface Peers {
  bus: Bus;
  /** Opens a service's database; every call with one name returns the same object. */
  openDatabase<T>(name: DatabaseName): Database<T>;
  /** The broker and these databases, as peers for the readiness check. */
  of(databases: readonly DatabaseName[]): Peer[];
  /** Whether a peer's error comes from this process's own configuration, e.g. a wrong password. */
  isRefusal(trouble: string): boolean;
  close(): Promise<void>;
}

/** Connects in the background; `of` tells which peers do not answer. Throws ConfigError. */
export async function connectPeers(deps: PeerDeps): Promise<Peers> {
  const { clock, ids, log, metrics } = deps;
  await trustAuthorities(deps.config);
  const addressOf = await databaseAddresses(deps);
  const broker = await connectBroker(deps);
  const bus =
    broker ??
    createInProcessBus({
      log: log.child({ component: 'bus' }),
      clock,
      ids,
      ...(metrics ? { observe: metrics.rpc } : {}),
    });
  const opened = new Map<DatabaseName, Database<unknown>>();
  const open = <T>(name: DatabaseName): Database<T> => {
    const database =
      opened.get(name) ??
      openDatabase<unknown>(addressOf(name), { log: log.child({ component: name }), clock, ids });
    opened.set(name, database);
    return database as Database<T>; // each service names only its own tables
  };
  return {
    bus,
    openDatabase: open,
    of: (databases) => [
      ...(broker ? [{ name: 'bus', trouble: async () => broker.trouble() }] : []),
      ...databases.map((name) => ({
        name: `database ${name}`,
        async trouble() {
          await sql`select 1`.execute(open(name).db);
          return undefined;
        },
      })),
    ],
    isRefusal: (trouble) => refusals.test(trouble),
    async close() {
      await bus.close();
      for (const database of opened.values()) await database.close();
    },
  };
}

/**
 * Errors that retrying does not mend. MariaDB: 1045 wrong user or password, 1044 access denied to
 * the database, 1049 no such database (https://mariadb.com/kb/en/mariadb-error-code-reference/).
 * RabbitMQ: wrong user or password.
 */
const refusals = /Access denied for user|Unknown database|ACCESS_REFUSED/;

/**
 * How each service's database is opened; without a MariaDB server in the settings: SQLite in the
 * state folder.
 */
export async function databaseAddresses({
  config: { mariadb, database },
  home,
}: Pick<PeerDeps, 'config' | 'home'>): Promise<(name: DatabaseName) => DatabaseConfig> {
  const { host, port, socketPath, tls, user, passwordFile, databasePrefix, maxConnections } =
    mariadb;
  if (host === '' && socketPath === '')
    return (name) => ({
      dialect: 'sqlite',
      path: databaseFile(home, name),
      // The schema allows only these.
      synchronous: database.synchronous as 'OFF' | 'NORMAL' | 'FULL',
    });
  const password =
    passwordFile === '' ? '' : (await secretIn('mariadb.passwordFile', passwordFile)).reveal();
  return (name) => ({
    dialect: 'mysql',
    ...(socketPath === '' ? { host, port } : { socketPath }),
    tls,
    user,
    password,
    database: `${databasePrefix}${name}`,
    maxConnections,
  });
}

/** Connects to the broker; undefined if none is configured: then the bus is in-process. */
async function connectBroker({
  config: { bus },
  clock,
  ids,
  log,
  metrics,
}: PeerDeps): Promise<BrokerBus | undefined> {
  if (bus.hosts === '') return undefined;
  const password = bus.passwordFile && (await secretIn('bus.passwordFile', bus.passwordFile));
  return createAmqpBus(
    {
      hosts: bus.hosts.split(/[ ,]+/).filter(Boolean),
      username: bus.user,
      password: password ? password.reveal() : '',
      tls: bus.tls,
      vhost: bus.vhost,
      prefix: bus.prefix,
    },
    {
      log: log.child({ component: 'bus' }),
      clock,
      ids,
      ...(metrics ? { observe: metrics.rpc } : {}),
    },
  );
}

/**
 * The network that Neutron's writer configures. Throws ConfigError if the writer's role is wanted
 * and no OVN is configured.
 */
export async function networkOf(
  { ovn, neutron }: ProcessConfig,
  wanted: readonly RoleName[],
  { clock, log }: { clock: Clock; log: Log },
): Promise<NetworkBelow> {
  if (ovn.simulatedHosts > 0) {
    const { simulatedNetwork, simulatedPublicCidr } = await import('./network.ts');
    return {
      ...simulatedNetwork(simulatedHostNames(ovn.simulatedHosts), { clock }),
      publicCidr: neutron.publicCidr || simulatedPublicCidr,
    };
  }
  const remotes = (setting: 'northbound' | 'southbound'): string[] => {
    const addresses = ovn[setting].split(/[ ,]+/).filter(Boolean);
    if (addresses.length === 0 && wanted.includes('neutron-ovn-writer'))
      throw new ConfigError(
        `ovn.${setting} is missing: neutron-ovn-writer needs the remotes of OVN's ${setting} database, e.g. tcp:10.0.0.1:6641`,
      );
    return addresses;
  };
  const [northbound, southbound] = [remotes('northbound'), remotes('southbound')];
  const publicCidr = neutron.publicCidr || null;
  if (!wanted.includes('neutron-ovn-writer')) return { openSdn: notHere, publicCidr };
  const { createOvnSdn } = await import('#adapters/ovsdb/ovn-sdn.ts');
  return {
    openSdn: (listeners) =>
      createOvnSdn(
        { northbound, southbound, strays: 'remove' },
        { log: log.child({ component: 'ovn' }) },
        listeners,
      ),
    publicCidr,
  };
}

const notHere = (): never => {
  throw new Error('only neutron-ovn-writer reaches OVN');
};

const rolesWithBackends: readonly RoleName[] = ['cinder-volume', 'cinder-backup'];

/**
 * The configured storage. Throws ConfigError if a wanted role needs a backend and none is
 * configured.
 */
export async function storageOf(
  config: ProcessConfig,
  wanted: readonly RoleName[],
  { home, clock, ids, log }: Omit<PeerDeps, 'config' | 'metrics'>,
): Promise<StorageBelow> {
  const { nfsServer, nfsPath, imageFolder, backupFolder, simulated } = config.storage;
  const places = {
    ...home,
    imageStore: imageFolder || home.imageStore,
    backups: backupFolder || home.backups,
  };
  const { nfsStorage, simulatedStorage } = await import('./storage.ts');
  if (simulated) return simulatedStorage(places);
  if (nfsServer !== '')
    return nfsStorage(
      { home: places, config, clock, ids, log },
      { server: nfsServer, share: nfsPath },
    );
  const role = rolesWithBackends.find((name) => wanted.includes(name));
  if (role !== undefined)
    throw new ConfigError(
      `storage.nfsServer is missing: ${role} needs the NFS server of the volumes (or storage.simulated for a trial)`,
    );
  return { ...simulatedStorage(places), backends: new Map() };
}
