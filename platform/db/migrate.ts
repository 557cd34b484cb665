// Migrates a service's tables to this release's schema: forward only, in small steps. Called by
// compose at start and by `cobalt migrate`.
import { sql, type ColumnDataType, type Kysely, type RawBuilder } from 'kysely';
import type { DialectName } from './database.ts';
import { isMissingTable } from './errors.ts';

export interface Migration {
  /** Migrations are applied in the order of their names, e.g. '0001-servers'. Never renamed. */
  name: string;
  /**
   * Changes the schema; applied once. A failed one is rolled back on SQLite only: MariaDB commits
   * each statement, so keep to one subject and use `ifNotExists()` where it exists.
   */
  up(schema: Kysely<any>, types: ColumnTypes): Promise<void>;
}

type ColumnType = ColumnDataType | RawBuilder<unknown>;

/** Column types that hold the same values on both dialects. */
export interface ColumnTypes {
  /** An id: up to 64 characters, may be a key. */
  id: ColumnType;
  /** A name: up to 255 characters, may be in an index. */
  name: ColumnType;
  /** Text of any length; not in an index. */
  text: ColumnType;
  /** JSON as text: stringify and parse in the store. */
  json: ColumnType;
  int: ColumnType;
  bigint: ColumnType;
  /** 0 or 1. */
  bool: ColumnType;
  /** A moment: milliseconds since 1970 UTC. */
  timeMs: ColumnType;
  double: ColumnType;
  bytes: ColumnType;
}

const columnTypes: Record<DialectName, ColumnTypes> = {
  sqlite: {
    id: 'text',
    name: 'text',
    text: 'text',
    json: 'text',
    int: 'integer',
    bigint: 'integer',
    bool: 'integer',
    timeMs: 'integer',
    double: 'real',
    bytes: 'blob',
  },
  mysql: {
    id: 'varchar(64)',
    name: 'varchar(255)',
    text: sql`longtext`,
    json: sql`longtext`,
    int: 'integer',
    bigint: 'bigint',
    bool: sql`tinyint`,
    timeMs: 'bigint',
    double: sql`double`,
    bytes: sql`longblob`,
  },
};

/** The database was migrated by a later release, so this release must not use it. */
export class StateTooNewError extends Error {
  override readonly name = 'StateTooNewError';
}

const lockTimeoutS = 60;

/**
 * Applies the missing migrations in order, under a lock (safe when several processes start at
 * once). Idempotent. Returns the names of those applied. Throws StateTooNewError when the database
 * has migrations that this release does not know.
 */
export async function migrate(
  db: Kysely<any>,
  dialect: DialectName,
  service: string,
  migrations: readonly Migration[],
): Promise<string[]> {
  const names = migrations.map((migration) => migration.name);
  if (names.some((name, index) => index > 0 && name <= (names[index - 1] ?? ''))) {
    throw new Error(`${service}: migrations are not in strict order: ${names.join(', ')}`);
  }
  return dialect === 'mysql'
    ? migrateMariadb(db, service, migrations)
    : migrateSqlite(db, service, migrations);
}

/**
 * The migrations that `migrate` would apply, without applying them; all of them for a database that
 * was never migrated. Throws StateTooNewError as `migrate` does.
 */
export async function missingMigrations(
  db: Kysely<any>,
  service: string,
  migrations: readonly Migration[],
): Promise<string[]> {
  const applied = await appliedNames(db, service).catch((error: unknown): string[] => {
    if (isMissingTable(error)) return [];
    throw error;
  });
  refuseNewer(service, migrations, applied);
  return migrations.map(({ name }) => name).filter((name) => !applied.includes(name));
}

async function migrateSqlite(
  db: Kysely<any>,
  service: string,
  migrations: readonly Migration[],
): Promise<string[]> {
  const newNames: string[] = [];
  await db.transaction().execute((trx) => createJournal(trx, columnTypes.sqlite));
  for (const migration of migrations) {
    // The transaction takes the write lock at its begin, so no other process can apply the
    // migration between the check and the step.
    const applied = await db
      .transaction()
      .execute((trx) => step(trx, 'sqlite', service, migrations, migration));
    if (applied) newNames.push(migration.name);
  }
  if (migrations.length === 0) refuseNewer(service, migrations, await appliedNames(db, service));
  return newNames;
}

async function migrateMariadb(
  db: Kysely<any>,
  service: string,
  migrations: readonly Migration[],
): Promise<string[]> {
  return db.connection().execute(async (connection) => {
    // get_lock() names are server-wide, and the server may hold databases of several clouds, so the
    // name contains the database's.
    const lock = sql`concat('cobalt-migrate-', database(), '-', ${service})`;
    const got = await sql<{
      ok: number | null;
    }>`select get_lock(${lock}, ${lockTimeoutS}) as ok`.execute(connection);
    if (got.rows[0]?.ok !== 1)
      throw new Error(`${service}: another process has been migrating for over ${lockTimeoutS} s`);
    try {
      await useBinaryCollation(connection);
      await createJournal(connection, columnTypes.mysql);
      refuseNewer(service, migrations, await appliedNames(connection, service));
      const newNames: string[] = [];
      for (const migration of migrations) {
        if (await step(connection, 'mysql', service, migrations, migration))
          newNames.push(migration.name);
      }
      return newNames;
    } finally {
      await sql`select release_lock(${lock})`.execute(connection);
    }
  });
}

/**
 * Sets the collation that new tables inherit: by code point, trailing blanks significant, as
 * SQLite.
 */
async function useBinaryCollation(db: Kysely<any>): Promise<void> {
  const server = await sql<{ version: string }>`select version() as version`.execute(db);
  const collation = server.rows[0]?.version.includes('MariaDB')
    ? 'utf8mb4_nopad_bin'
    : 'utf8mb4_0900_bin';
  await sql`alter database character set utf8mb4 collate ${sql.raw(collation)}`.execute(db);
}

async function step(
  db: Kysely<any>,
  dialect: DialectName,
  service: string,
  migrations: readonly Migration[],
  migration: Migration,
): Promise<boolean> {
  const applied = await appliedNames(db, service);
  refuseNewer(service, migrations, applied);
  if (applied.includes(migration.name)) return false;
  try {
    await migration.up(db, columnTypes[dialect]);
  } catch (cause) {
    throw new Error(`${service}: migration ${migration.name} failed`, { cause });
  }
  await db.insertInto('schema_migrations').values({ service, name: migration.name }).execute();
  return true;
}

async function createJournal(db: Kysely<any>, types: ColumnTypes): Promise<void> {
  await db.schema
    .createTable('schema_migrations')
    .ifNotExists()
    .addColumn('service', types.id, (column) => column.notNull())
    .addColumn('name', types.name, (column) => column.notNull())
    .addPrimaryKeyConstraint('schema_migrations_pk', ['service', 'name'])
    .execute();
}

async function appliedNames(db: Kysely<any>, service: string): Promise<string[]> {
  const rows = await db
    .selectFrom('schema_migrations')
    .select('name')
    .where('service', '=', service)
    .execute();
  return rows.map((row) => String(row.name));
}

function refuseNewer(
  service: string,
  migrations: readonly Migration[],
  applied: readonly string[],
): void {
  const ownNames = new Set(migrations.map((migration) => migration.name));
  const unknown = applied.filter((name) => !ownNames.has(name));
  if (unknown.length > 0) {
    throw new StateTooNewError(
      `the ${service} database is of a newer version: it has migrations unknown to this release (${unknown.join(', ')})`,
    );
  }
}
