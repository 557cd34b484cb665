// A Kysely driver that checks the fence of the current work in the same transaction as each write:
// work that has lost its lease cannot write any more. Used by database.ts for both dialects.
import type {
  CompiledQuery,
  DatabaseConnection,
  Dialect,
  Driver,
  QueryResult,
  TransactionSettings,
} from 'kysely';
import type { Fence } from '../fence.ts';
import { currentFence, FenceLost } from '../fence.ts';

/**
 * Runs the fence check and the write in one transaction, with no other statement of this connection
 * in between. Returns undefined if the check found no row: nothing was written.
 */
export interface CheckingConnection extends DatabaseConnection {
  executeChecked<R>(
    check: CompiledQuery,
    write: CompiledQuery,
  ): Promise<QueryResult<R> | undefined>;
}

const isChecking = (connection: DatabaseConnection): connection is CheckingConnection =>
  'executeChecked' in connection;

export function fencedDialect(dialect: Dialect): Dialect {
  return {
    createAdapter: () => dialect.createAdapter(),
    createDriver: () => new FencedDriver(dialect.createDriver()),
    createIntrospector: (db) => dialect.createIntrospector(db),
    createQueryCompiler: () => dialect.createQueryCompiler(),
  };
}

class FencedDriver implements Driver {
  readonly #driver: Driver;
  readonly #connections = new WeakMap<DatabaseConnection, FencedConnection>();

  constructor(driver: Driver) {
    this.#driver = driver;
  }

  async init(): Promise<void> {
    await this.#driver.init();
  }

  async acquireConnection(): Promise<FencedConnection> {
    const connection = await this.#driver.acquireConnection();
    const fencedConnection =
      this.#connections.get(connection) ?? new FencedConnection(this.#driver, connection);
    this.#connections.set(connection, fencedConnection);
    return fencedConnection;
  }

  async beginTransaction(
    connection: FencedConnection,
    settings: TransactionSettings,
  ): Promise<void> {
    const fence = currentFence();
    await connection.begin(settings);
    if (fence) await connection.check(fence);
  }

  async commitTransaction(connection: FencedConnection): Promise<void> {
    await connection.commit();
  }

  async rollbackTransaction(connection: FencedConnection): Promise<void> {
    // If the fence was found lost at the transaction's begin, it is rolled back already.
    await connection.rollback();
  }

  async releaseConnection(connection: FencedConnection): Promise<void> {
    await this.#driver.releaseConnection(connection.plain);
  }

  async destroy(): Promise<void> {
    await this.#driver.destroy();
  }
}

class FencedConnection implements DatabaseConnection {
  readonly plain: DatabaseConnection;
  readonly #driver: Driver;
  #inTransaction = false;

  constructor(driver: Driver, plain: DatabaseConnection) {
    this.#driver = driver;
    this.plain = plain;
  }

  async begin(settings: TransactionSettings): Promise<void> {
    await this.#driver.beginTransaction(this.plain, settings);
    this.#inTransaction = true;
  }

  async commit(): Promise<void> {
    await this.#driver.commitTransaction(this.plain);
    this.#inTransaction = false;
  }

  async rollback(): Promise<void> {
    if (!this.#inTransaction) return;
    this.#inTransaction = false;
    await this.#driver.rollbackTransaction(this.plain);
  }

  /** Checks the fence within a transaction; if it is lost, rolls back and throws FenceLost. */
  async check(fence: Fence): Promise<void> {
    try {
      const { rows } = await this.plain.executeQuery(fence.check);
      if (rows.length === 0) throw new FenceLost(fence);
    } catch (error) {
      await this.rollback();
      throw error;
    }
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const fence = currentFence();
    if (!fence || this.#inTransaction || !isWrite(query))
      return await this.plain.executeQuery(query);
    if (isChecking(this.plain)) {
      const result = await this.plain.executeChecked<R>(fence.check, query);
      if (!result) throw new FenceLost(fence);
      return result;
    }
    await this.begin({});
    await this.check(fence);
    try {
      const result = await this.plain.executeQuery<R>(query);
      await this.commit();
      return result;
    } catch (error) {
      await this.rollback();
      throw error;
    }
  }

  async *streamQuery<R>(
    query: CompiledQuery,
    chunkSize: number,
  ): AsyncIterableIterator<QueryResult<R>> {
    yield* this.plain.streamQuery<R>(query, chunkSize);
  }
}

const writes: ReadonlySet<string> = new Set([
  'InsertQueryNode',
  'UpdateQueryNode',
  'DeleteQueryNode',
  'MergeQueryNode',
]);
const isWrite = ({ query, sql }: CompiledQuery): boolean =>
  writes.has(query.kind) ||
  (query.kind === 'RawNode' && /^\s*(insert|update|delete|replace)\b/i.test(sql));
