// Kysely's MySQL dialect on a mysql2 pool, with session settings that make MariaDB behave as SQLite
// does. Used by database.ts; compose/migrate.ts uses its check of the server's certificate alone.
import {
  MysqlDialect,
  MysqlDriver,
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type MysqlPool,
  type QueryResult,
  type TransactionSettings,
} from 'kysely';
import { createPool, type PoolConnection, type PoolOptions } from 'mysql2';
import { isConflict, isTransient, isUnreachable } from './errors.ts';
import { bindable } from './parameters.ts';
import { maxAttempts, maxConflicts, pauseMs, withPause, type Pause } from './retry-pause.ts';

export interface MariadbAddress {
  host?: string;
  port?: number;
  /** Unix socket, used instead of host and port. */
  socketPath?: string;
  /**
   * Connect by TLS; the server's certificate must match its name and be signed by an authority that
   * this process trusts.
   */
  tls?: boolean;
  user: string;
  password: string;
  database: string;
}

export interface MariadbBounds {
  maxConnections: number;
  connectTimeoutMs: number;
}

export type MariadbOptions = MariadbAddress & MariadbBounds;

/** Queries that wait for a free connection; any beyond this number are refused. */
const maxWaiting = 2_000;

const sessionStatements = [
  // Strict mode: a value that is too long or out of range is an error instead of being cut.
  // PIPES_AS_CONCAT: `||` concatenates, as in SQLite.
  `sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO,NO_ZERO_DATE,NO_ZERO_IN_DATE,PIPES_AS_CONCAT'`,
  `time_zone = '+00:00'`,
  'innodb_lock_wait_timeout = 10',
  // Schema changes: a waiting ALTER TABLE blocks all later queries of its table, so bound its wait.
  'lock_wait_timeout = 10',
];
// On Galera, a read waits until this node has applied what other nodes committed before. Without
// effect on a single MariaDB; MySQL takes the text for a comment.
const galera = '/*M! , wsrep_sync_wait = 1 */';

export function mariadbDialect(options: MariadbOptions, pause: Pause): Dialect {
  const base = new MysqlDialect({ pool: () => Promise.reject(new Error('unused')) });
  return {
    createAdapter: () => withPause(base.createAdapter(), pause),
    createIntrospector: (db) => base.createIntrospector(db),
    createQueryCompiler: () => base.createQueryCompiler(),
    createDriver: () => new MariadbDriver(options, pause),
  };
}

/**
 * Kysely's driver with checked parameters. Each connection's session is set up once, before its
 * first query. A statement outside a transaction that fails because of another writer is retried
 * here; inside a transaction, `transaction` (transaction.ts) retries the whole.
 */
class MariadbDriver extends MysqlDriver {
  readonly #connections = new WeakMap<DatabaseConnection, MariadbConnection>();
  readonly #pause: Pause;

  constructor(options: MariadbOptions, pause: Pause) {
    const pool = createPool(poolOptions(options));
    pool.on('connection', setUp);
    // Cast: mysql2's pool has the callback interface that Kysely needs, but narrower typed
    // overloads.
    super({ pool: pool as unknown as MysqlPool });
    this.#pause = pause;
  }

  override async acquireConnection(): Promise<MariadbConnection> {
    const plain = await tryAgain(() => super.acquireConnection(), isUnreachable, this.#pause);
    const connection = this.#connections.get(plain) ?? new MariadbConnection(plain, this.#pause);
    this.#connections.set(plain, connection);
    return connection;
  }

  override async beginTransaction(
    connection: MariadbConnection,
    settings: TransactionSettings,
  ): Promise<void> {
    await super.beginTransaction(connection.plain, settings);
    connection.isInTransaction = true;
  }

  override async commitTransaction(connection: MariadbConnection): Promise<void> {
    await super.commitTransaction(connection.plain);
    connection.isInTransaction = false;
  }

  override async rollbackTransaction(connection: MariadbConnection): Promise<void> {
    connection.isInTransaction = false;
    try {
      await super.rollbackTransaction(connection.plain);
    } catch (error) {
      // A lost connection has rolled back by itself; the error that caused this rollback says more.
      if (!isUnreachable(error)) throw error;
    }
  }

  override async releaseConnection(connection: DatabaseConnection): Promise<void> {
    // Cast: `connection` came from acquireConnection above, which wrapped the base class's own.
    await super.releaseConnection(
      (connection as MariadbConnection).plain as Parameters<MysqlDriver['releaseConnection']>[0],
    );
  }
}

class MariadbConnection implements DatabaseConnection {
  isInTransaction = false;
  readonly plain: DatabaseConnection;
  readonly #pause: Pause;

  constructor(plain: DatabaseConnection, pause: Pause) {
    this.plain = plain;
    this.#pause = pause;
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const checked = { ...query, parameters: query.parameters.map(bindable) };
    const execute = async (): Promise<QueryResult<R>> => await this.plain.executeQuery<R>(checked);
    return this.isInTransaction
      ? await execute()
      : await tryAgain(execute, isTransient, this.#pause);
  }

  streamQuery<R>(query: CompiledQuery, chunkSize: number): AsyncIterableIterator<QueryResult<R>> {
    return this.plain.streamQuery(
      { ...query, parameters: query.parameters.map(bindable) },
      chunkSize,
    );
  }
}

const backoffMs = 20;

async function tryAgain<R>(
  run: () => Promise<R>,
  mayRepeat: (error: unknown) => boolean,
  pause: Pause,
): Promise<R> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await run();
    } catch (error) {
      const most = isConflict(error) ? maxConflicts : maxAttempts;
      if (attempt >= most || !mayRepeat(error)) throw error;
      await pause(pauseMs(backoffMs, attempt));
    }
  }
}

/**
 * Queues the session's settings before the first query. If setting them fails, the connection is
 * destroyed, so that no query runs with other settings.
 */
function setUp(connection: PoolConnection): void {
  const session = `set session ${sessionStatements.join(', ')} ${galera}`;
  for (const statement of [session, 'set session transaction isolation level read committed'])
    connection.query(statement, (error) => {
      if (error) connection.destroy();
    });
}

/**
 * Options for TLS: mysql2 checks the certificate's name only with `verifyIdentity`. A new object
 * for each pool, because mysql2 caches the trusted authorities by this object at its first use.
 */
export const checkedCertificate = () => ({ verifyIdentity: true });

function poolOptions(options: MariadbOptions): PoolOptions {
  const { host, port, socketPath, tls, user, password, database } = options;
  return {
    ...(tls ? { ssl: checkedCertificate() } : {}),
    ...(socketPath === undefined ? { host, port } : { socketPath }),
    user,
    password,
    database,
    charset: 'utf8mb4_bin',
    timezone: 'Z',
    connectionLimit: options.maxConnections,
    queueLimit: maxWaiting,
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
