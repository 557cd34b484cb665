// The schema of every service on MariaDB equals that on SQLite; migrations can be applied twice, by
// two processes at once, and again after a crash in the middle.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { loadService } from '#compose/roles/table.ts';
import { databaseNames } from '#compose/state-files.ts';
import type { Database } from '#platform/db/database.ts';
import { openDatabase } from '#platform/db/database.ts';
import { mariadbMissing, startMariadb } from '#platform/db/mariadb.testing.ts';
import type { PrivateMariadb } from '#platform/db/mariadb.testing.ts';
import type { Migration } from '#platform/db/migrate.ts';
import { migrate } from '#platform/db/migrate.ts';
import { silentLog } from '#platform/log.ts';

const services = await Promise.all(
  databaseNames.map(async (name) => ({ name, migrations: (await loadService(name)).migrations })),
);

describe('migrations on MariaDB', { skip: await mariadbMissing() }, () => {
  let mariadb: PrivateMariadb;
  before(async () => (mariadb = await startMariadb()));
  after(async () => await mariadb?.stop());

  /** The database's tables with the names of their columns. */
  const schemaOf = async ({ db }: Database<unknown>) =>
    (await db.introspection.getTables())
      .map(({ name, columns }) => ({
        table: name,
        columns: columns.map((column) => column.name).toSorted(),
      }))
      .toSorted((a, b) => (a.table < b.table ? -1 : 1));

  for (const { name, migrations } of services) {
    const names = migrations.map((migration) => migration.name);

    it(`of ${name} give the tables and columns of SQLite, once, also from two processes at once`, async () => {
      const sqlite = openDatabase({ dialect: 'sqlite', path: ':memory:' }, { log: silentLog });
      await migrate(sqlite.db, 'sqlite', name, migrations);
      const config = await mariadb.createDatabase();
      const processes = [1, 2].map(() => openDatabase(config, { log: silentLog }));
      const applied = await Promise.all(
        processes.map(async ({ db }) => await migrate(db, 'mysql', name, migrations)),
      );
      assert.deepEqual(applied.flat(), names);
      const [first] = processes as [Database<unknown>];
      assert.deepEqual(await migrate(first.db, 'mysql', name, migrations), []);
      const schema = await schemaOf(first);
      assert.ok(schema.length > 3, 'the test sees no tables');
      assert.deepEqual(schema, await schemaOf(sqlite));
      for (const database of [sqlite, ...processes]) await database.close();
    });

    it(`of ${name} may be applied again after a crash before their entry in the journal`, async () => {
      const repeated = migrations.map((migration): Migration => ({
        ...migration,
        up: async (db, types) => {
          await migration.up(db, types);
          await migration.up(db, types);
        },
      }));
      const database = openDatabase(await mariadb.createDatabase(), { log: silentLog });
      assert.deepEqual(await migrate(database.db, 'mysql', name, repeated), names);
      await database.close();
    });
  }
});
