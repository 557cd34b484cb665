// Prepares the databases of a distributed cloud before its processes start: the schemas, and a
// fresh cloud's initial objects. Used by `cobalt migrate` and `cobalt up --distributed`.
import { createConnection } from 'mysql2/promise';
import { systemClock } from '#platform/clock.ts';
import { ConfigError } from '#platform/config/config.ts';
import type { DatabaseConfig } from '#platform/db/database.ts';
import { checkedCertificate } from '#platform/db/mariadb-dialect.ts';
import { systemIds } from '#platform/ids.ts';
import type { Log } from '#platform/log.ts';
import { createControlPlane } from './control-plane.ts';
import type { Home } from './home.ts';
import { connectPeers, databaseAddresses, networkOf, storageOf } from './peers.ts';
import type { ProcessConfig } from './process-config.ts';
import { secretsIn } from './process-config.ts';
import { seedCloud } from './seed.ts';
import { databaseNames } from './state-files.ts';
import { trustAuthorities } from './trust-authorities.ts';

/**
 * Creates missing databases, applies missing migrations, and adds users, catalog, flavors, networks
 * and volume types to a fresh cloud. Forward only; idempotent, also when run twice at once. Throws
 * ConfigError where the database server refuses.
 */
export async function migrateDatabases(config: ProcessConfig, home: Home, log: Log): Promise<void> {
  if (config.cloud.origin === '')
    throw new ConfigError(
      'cloud.origin is missing: the address of the cloud for its catalog, e.g. https://cloud.example.org',
    );
  const [clock, ids] = [systemClock, systemIds];
  await trustAuthorities(config);
  const addressOf = await databaseAddresses({ config, home });
  for (const name of databaseNames) await createDatabase(addressOf(name));
  // Without a broker: no message is sent, and nothing keeps running afterwards.
  const alone = { ...config, bus: { ...config.bus, hosts: '' } };
  const peers = await connectPeers({ config: alone, home, clock, ids, log });
  try {
    const plane = await createControlPlane({
      home,
      secrets: await secretsIn(config, home),
      config,
      origin: config.cloud.origin,
      network: await networkOf(config, [], { clock, log }),
      storage: await storageOf(config, [], { home, clock, ids, log }),
      clock,
      ids,
      log,
      bus: peers.bus,
      openDatabase: peers.openDatabase,
      processName: `migrate-${ids.uuid()}`,
      keystone: { shared: true },
    });
    try {
      await seedCloud(plane.process);
    } finally {
      await plane.close();
    }
  } finally {
    await peers.close();
  }
}

async function createDatabase(address: DatabaseConfig): Promise<void> {
  if (address.dialect === 'sqlite') return;
  const { database, host, port, socketPath, tls, user, password } = address;
  const server = await createConnection({
    user,
    password,
    ...(socketPath === undefined ? { host, port } : { socketPath }),
    ...(tls ? { ssl: checkedCertificate() } : {}),
    // Cast: mysql2's type allows no undefined members.
  } as Parameters<typeof createConnection>[0]).catch((error: unknown) => {
    throw new ConfigError(`mariadb: ${(error as Error).message}`);
  });
  try {
    await server.query('create database if not exists ??', [database]);
  } catch (error) {
    throw new ConfigError(
      `mariadb: the database ${database} is missing and cannot be made: ${(error as Error).message}`,
    );
  } finally {
    await server.end();
  }
}
