// Where a test's database lies: SQLite, unless a runner (test/mariadb) started a MariaDB for the
// tests and names its socket. Called by the fixtures of services and of whole clouds.
import { createHash } from 'node:crypto';
import type { DatabaseConfig } from './database.ts';
import { createDatabaseAt } from './mariadb.testing.ts';

/** Environment variable: the socket of the MariaDB that takes SQLite's place. */
export const testMariadbSocket = 'COBALT_TEST_MARIADB_SOCKET';

/**
 * `sqlite` itself, or what takes its place on MariaDB: the same path is the same database,
 * ':memory:' a new one each time. The runner's server ends with all of them.
 */
export async function testDatabase(
  sqlite: Extract<DatabaseConfig, { dialect: 'sqlite' }>,
): Promise<DatabaseConfig> {
  const socketPath = process.env[testMariadbSocket];
  if (socketPath === undefined) return sqlite;
  const name =
    sqlite.path === ':memory:'
      ? undefined
      : `t${createHash('sha256').update(sqlite.path).digest('hex').slice(0, 16)}`;
  return await createDatabaseAt(socketPath, name);
}
