// Chooses the database of a test: SQLite, unless a test runner (test/mariadb) has started a MariaDB
// and names its socket. Called by the fixtures of services and of whole clouds.
import { createHash } from 'node:crypto';
import type { DatabaseConfig } from './database.ts';
import { createDatabaseAt } from './mariadb.testing.ts';

/** Environment variable: the socket of the MariaDB to use instead of SQLite. */
export const testMariadbSocket = 'COBALT_TEST_MARIADB_SOCKET';

/**
 * Returns `sqlite` itself, or a MariaDB database in its place: the same path gives the same
 * database, ':memory:' a new one each time. The databases are removed with the runner's server.
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
