// Opens a service's database: SQLite in the embedded cloud, MariaDB in the distributed one. Called
// by compose, which gives the services' stores a `Database` or its `db`.
import { Kysely } from 'kysely';
import type { Clock } from '../clock.ts';
import { systemClock } from '../clock.ts';
import type { Ids } from '../ids.ts';
import { systemIds } from '../ids.ts';
import { fencedDialect } from './fenced-driver.ts';
import type { MariadbAddress, MariadbBounds } from './mariadb-dialect.ts';
import { mariadbDialect } from './mariadb-dialect.ts';
import { nodeSqliteDialect } from './node-sqlite-dialect.ts';

export type DialectName = 'sqlite' | 'mysql';

export type DatabaseConfig =
  | {
      dialect: 'sqlite';
      path: string;
      synchronous?: 'OFF' | 'NORMAL' | 'FULL';
      busyTimeoutMs?: number;
      maxStatements?: number;
    }
  | ({ dialect: 'mysql' } & MariadbAddress & Partial<MariadbBounds>);

/** The part of a logger that a database needs. */
export interface DatabaseLog {
  debug(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface DatabaseDeps {
  log: DatabaseLog;
  /** For the pauses between retries. */
  clock?: Clock;
  ids?: Pick<Ids, 'random'>;
}

/**
 * A database that behaves alike on both dialects (tested by `db.testing.ts`): text compares by code
 * point and case, also in `like`; booleans are stored as 0 and 1 and read as numbers; integers are
 * read as numbers, and one beyond 2^53 is an error; `numUpdatedRows` counts matched rows, so
 * compare-and-set works; foreign keys are enforced; parameters are primitives or bytes, any other
 * value throws.
 *
 * Writes of work that holds a fence (fence.ts) check it in their own transaction.
 *
 * SQLite has one connection: within a transaction use only its `trx`, because a query on `db` would
 * wait for the transaction itself, a deadlock.
 */
export interface Database<T> {
  readonly db: Kysely<T>;
  readonly dialect: DialectName;
  /** Ends all connections. Safe to repeat. */
  close(): Promise<void>;
}

/**
 * Opens a database lazily: the first query connects. SQLite's path may be ':memory:'. Queries
 * slower than 200 ms are logged.
 */
export function openDatabase<T>(
  config: DatabaseConfig,
  { log, clock = systemClock, ids = systemIds }: DatabaseDeps,
): Database<T> {
  const pause = async (ms: number): Promise<void> => await clock.sleep(ms * (0.5 + ids.random()));
  const db = new Kysely<T>({
    dialect: fencedDialect(
      config.dialect === 'sqlite'
        ? nodeSqliteDialect(
            { synchronous: 'NORMAL', busyTimeoutMs: 5_000, maxStatements: 500, ...config },
            { monotonicMs: () => clock.monotonicMs(), pause },
          )
        : mariadbDialect({ maxConnections: 10, connectTimeoutMs: 10_000, ...config }, pause),
    ),
    log: ({ level, query, queryDurationMillis }) => {
      if (level === 'query' && queryDurationMillis > slowQueryMs) {
        log.warn({ sql: query.sql, ms: Math.round(queryDurationMillis) }, 'slow query');
      }
    },
  });
  return { db, dialect: config.dialect, close: () => db.destroy() };
}

const slowQueryMs = 200;
