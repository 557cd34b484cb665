// Runs the database contract (db.testing.ts) on a real, private MariaDB; skipped, with the reason,
// if MariaDB is not installed.
import { after, before, describe } from 'node:test';
import { openDatabase, type DatabaseConfig } from './database.ts';
import { databaseContract, type ContractTables } from './db.testing.ts';
import { mariadbMissing, startMariadb, type PrivateMariadb } from './mariadb.testing.ts';

describe('mariadb', { skip: await mariadbMissing() }, () => {
  let mariadb: PrivateMariadb;
  let config: DatabaseConfig;
  before(async () => {
    mariadb = await startMariadb();
    config = await mariadb.createDatabase();
  });
  after(() => mariadb.stop());
  databaseContract('mariadb', async () =>
    openDatabase<ContractTables>(config, { log: { debug: () => {}, warn: () => {} } }),
  );
});
