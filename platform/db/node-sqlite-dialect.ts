// Kysely on node:sqlite with a bounded cache of prepared statements. Used by database.ts only. An
// own dialect, because preparing on each call takes three times as long as the query itself, and
// because node:sqlite needs its parameters checked.
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import {
  CompiledQuery,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type LimitNode,
  type QueryResult,
} from 'kysely';
import { isTransient } from './errors.ts';
import type { CheckingConnection } from './fenced-driver.ts';
import { bindable } from './parameters.ts';
import { withPause, type Pause } from './retry-pause.ts';

export interface Waiting {
  /** Measures how long a statement has waited for another connection's write lock. */
  monotonicMs(): number;
  /** Pauses that wait, and all retries of transactions on this database (retry-pause.ts). */
  pause: Pause;
}

export interface NodeSqliteOptions {
  path: string;
  /**
   * FULL: every commit survives a power failure. NORMAL: a power failure may lose the last commits,
   * but never corrupts the file.
   */
  synchronous: 'OFF' | 'NORMAL' | 'FULL';
  /** How long a statement waits for another connection's write lock. */
  busyTimeoutMs: number;
  maxStatements: number;
}

export function nodeSqliteDialect(options: NodeSqliteOptions, waiting: Waiting): Dialect {
  return {
    createAdapter: () => withPause(new SqliteAdapter(), waiting.pause),
    createDriver: () => new NodeSqliteDriver(options, waiting),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new KeptPlanCompiler(),
  };
}

/**
 * Compiles a LIMIT as an expression. SQLite's planner looks at the value of a LIMIT that is a bare
 * parameter, so that each binding prepares the statement again: 20 us of the 22 that a list of a
 * wide table takes (SQLite 3.53). It does not look at the value of an expression.
 * (sqlite3ExprIsInteger in SQLite's source)
 */
class KeptPlanCompiler extends SqliteQueryCompiler {
  protected override visitLimit(node: LimitNode): void {
    super.visitLimit(node);
    this.append(' + 0');
  }
}

/**
 * A driver with one connection, whose users Kysely's runtime driver serialises
 * (`supportsMultipleConnections` is false for SQLite).
 */
class NodeSqliteDriver implements Driver {
  readonly #options: NodeSqliteOptions;
  readonly #waiting: Waiting;
  #connection: NodeSqliteConnection | undefined;

  constructor(options: NodeSqliteOptions, waiting: Waiting) {
    this.#options = options;
    this.#waiting = waiting;
  }

  async init(): Promise<void> {
    this.#connection = new NodeSqliteConnection(this.#options, this.#waiting);
  }

  async acquireConnection(): Promise<DatabaseConnection> {
    if (!this.#connection) throw new Error('sqlite: used before init');
    return this.#connection;
  }

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(begin);
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(commit);
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    // SQLite rolls back by itself when the disk is full (lang_transaction.html); a second rollback
    // would fail, and its error would hide the cause.
    if (this.#connection?.inTransaction) await connection.executeQuery(rollback);
  }

  async releaseConnection(): Promise<void> {}

  async destroy(): Promise<void> {
    this.#connection?.close();
    this.#connection = undefined;
  }
}

const busyPollMs = 4;

// IMMEDIATE takes the write lock now, waiting for it; a deferred transaction may fail at its first
// write.
const begin = CompiledQuery.raw('begin immediate');
const commit = CompiledQuery.raw('commit');
const rollback = CompiledQuery.raw('rollback');

interface Statement {
  prepared: StatementSync;
  /** Names of the result's columns; empty for a statement without a result. */
  columns: string[];
}

class NodeSqliteConnection implements CheckingConnection {
  readonly #db: DatabaseSync;
  readonly #waiting: Waiting;
  readonly #maxStatements: number;
  readonly #busyTimeoutMs: number;
  /**
   * Prepared statements by SQL. The least recently used comes first: a Map keeps insertion order.
   */
  readonly #statements = new Map<string, Statement>();

  constructor(options: NodeSqliteOptions, waiting: Waiting) {
    this.#waiting = waiting;
    this.#maxStatements = options.maxStatements;
    this.#busyTimeoutMs = options.busyTimeoutMs;
    this.#db = new DatabaseSync(options.path, { timeout: options.busyTimeoutMs });
    // Takes effect for a new file only: lets reclaim-space.ts return free pages to the file system.
    this.#db.exec('pragma auto_vacuum = incremental');
    this.#db.exec('pragma journal_mode = wal');
    this.#db.exec(`pragma synchronous = ${options.synchronous}`);
    this.#db.exec('pragma foreign_keys = on');
    this.#db.exec('pragma case_sensitive_like = on'); // as utf8mb4_bin on MariaDB
    // SQLite's busy timeout blocks the event loop, perhaps that of the lock's own holder in this
    // process. From here on #unlessBusy does the waiting.
    this.#db.exec('pragma busy_timeout = 0');
  }

  get inTransaction(): boolean {
    return this.#db.isTransaction;
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    return await this.#unlessBusy(() => this.#run<R>(query));
  }

  async executeChecked<R>(
    check: CompiledQuery,
    write: CompiledQuery,
  ): Promise<QueryResult<R> | undefined> {
    return await this.#unlessBusy(() => {
      this.#run(begin);
      try {
        const isHeld = this.#run(check).rows.length > 0;
        const result = isHeld ? this.#run<R>(write) : undefined;
        this.#run(commit);
        return result;
      } catch (error) {
        // Not in a transaction any more: SQLite rolls back by itself when the disk is full.
        if (this.inTransaction) this.#run(rollback);
        throw error;
      }
    });
  }

  /** Retries `run` while the database is busy: `run` has changed nothing when it throws that. */
  async #unlessBusy<R>(run: () => R): Promise<R> {
    const startedMs = this.#waiting.monotonicMs();
    for (;;) {
      try {
        return run();
      } catch (error) {
        if (!isTransient(error) || this.#waiting.monotonicMs() - startedMs > this.#busyTimeoutMs)
          throw error;
        await this.#waiting.pause(busyPollMs);
      }
    }
  }

  #run<R>(query: CompiledQuery): QueryResult<R> {
    const { prepared, columns } = this.#statement(query.sql);
    // Cast: `bindable` returns only primitives and bytes.
    const parameters = query.parameters.map(bindable) as SQLInputValue[];
    if (columns.length > 0) {
      // Cast: rows are arrays, by setReturnArrays below.
      const rows = prepared.all(...parameters) as unknown as unknown[][];
      return { rows: rows.map((values) => toRow(columns, values) as R) };
    }
    const { changes, lastInsertRowid } = prepared.run(...parameters);
    return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) };
  }

  // eslint-disable-next-line require-yield
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('sqlite: streaming would hold the only connection; page by key instead');
  }

  close(): void {
    this.#statements.clear();
    this.#db.close();
  }

  #statement(sql: string): Statement {
    const cached = this.#statements.get(sql);
    if (cached) {
      this.#statements.delete(sql);
      this.#statements.set(sql, cached);
      return cached;
    }
    // A changed schema changes the columns of cached `select *` statements.
    if (/^\s*(create|alter|drop)\b/i.test(sql)) this.#statements.clear();
    const prepared = this.#db.prepare(sql);
    prepared.setReturnArrays(true);
    const statement = { prepared, columns: prepared.columns().map((column) => column.name) };
    this.#statements.set(sql, statement);
    if (this.#statements.size > this.#maxStatements) {
      const [oldest] = this.#statements.keys();
      if (oldest !== undefined) this.#statements.delete(oldest);
    }
    return statement;
  }
}

/**
 * Builds a plain object: node:sqlite's own row objects have no prototype and take longer to build
 * (4.4 against 3.6 us for 30 columns).
 */
function toRow(columns: string[], values: unknown[]): Record<string, unknown> {
  const row: Record<string, unknown> = {};
  for (let index = 0; index < columns.length; index += 1) row[columns[index] ?? ''] = values[index];
  return row;
}
