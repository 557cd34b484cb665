// Kysely's MySQL dialect on a mysql2 pool, set so that MariaDB behaves as SQLite does. Used by
// database.ts alone.
import {
  CompiledQuery,
  MysqlDialect,
  MysqlDriver,
  type DatabaseConnection,
  type Dialect,
  type MysqlPool,
} from 'kysely';
import { createPool, type PoolOptions } from 'mysql2';
import { bindable } from './parameters.ts';
import { withPause, type Pause } from './retry-pause.ts';

export interface MariadbAddress {
  host?: string;
  port?: number;
  /** Instead of host and port. */
  socketPath?: string;
  user: string;
  password: string;
  database: string;
}

export interface MariadbBounds {
  maxConnections: number;
  connectTimeoutMs: number;
}

export type MariadbOptions = MariadbAddress & MariadbBounds;

const sessionStatements = [
  // Strict: too long or out of range is an error, not a cut. PIPES_AS_CONCAT: `||` as in SQLite.
  `sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO,NO_ZERO_DATE,NO_ZERO_IN_DATE,PIPES_AS_CONCAT'`,
  `time_zone = '+00:00'`,
  'innodb_lock_wait_timeout = 10',
];

export function mariadbDialect(options: MariadbOptions, pause: Pause): Dialect {
  const base = new MysqlDialect({ pool: () => Promise.reject(new Error('unused')) });
  return {
    createAdapter: () => withPause(base.createAdapter(), pause),
    createIntrospector: (db) => base.createIntrospector(db),
    createQueryCompiler: () => base.createQueryCompiler(),
    createDriver: () => new MariadbDriver(options),
  };
}

/**
 * Kysely's driver with checked parameters. Every connection is set up once, before its first query.
 */
class MariadbDriver extends MysqlDriver {
  readonly #checked = new WeakMap<DatabaseConnection, DatabaseConnection>();
  readonly #plain = new WeakMap<DatabaseConnection, DatabaseConnection>();

  constructor(options: MariadbOptions) {
    super({
      // mysql2's pool has the callback face that Kysely asks for; its typed overloads are narrower.
      pool: createPool(poolOptions(options)) as unknown as MysqlPool,
      onCreateConnection: async (connection) => {
        await connection.executeQuery(
          CompiledQuery.raw(`set session ${sessionStatements.join(', ')}`),
        );
        await connection.executeQuery(
          CompiledQuery.raw('set session transaction isolation level read committed'),
        );
      },
    });
  }

  override async acquireConnection(): Promise<DatabaseConnection> {
    const plain = await super.acquireConnection();
    const known = this.#checked.get(plain);
    if (known) return known;
    const checked: DatabaseConnection = {
      executeQuery: (query) =>
        plain.executeQuery({ ...query, parameters: query.parameters.map(bindable) }),
      streamQuery: (query, chunkSize) =>
        plain.streamQuery({ ...query, parameters: query.parameters.map(bindable) }, chunkSize),
    };
    this.#checked.set(plain, checked);
    this.#plain.set(checked, plain);
    return checked;
  }

  override async releaseConnection(connection: DatabaseConnection): Promise<void> {
    // `connection` came from acquireConnection; the base class knows only its own.
    await super.releaseConnection(
      this.#plain.get(connection) as Parameters<MysqlDriver['releaseConnection']>[0],
    );
  }
}

function poolOptions(options: MariadbOptions): PoolOptions {
  const { host, port, socketPath, user, password, database } = options;
  return {
    ...(socketPath === undefined ? { host, port } : { socketPath }),
    user,
    password,
    database,
    charset: 'utf8mb4_bin',
    timezone: 'Z',
    connectionLimit: options.maxConnections,
    connectTimeout: options.connectTimeoutMs,
    enableKeepAlive: true,
    decimalNumbers: true, // sum() gives DECIMAL
    typeCast: (field, next) => {
      if (field.type !== 'LONGLONG') return next();
      const text = field.string();
      if (text === null) return null;
      const value = Number(text);
      if (Number.isSafeInteger(value)) return value;
      throw new RangeError(`column ${field.name}: ${text} is beyond 2^53`);
    },
  };
}
