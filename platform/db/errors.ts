// Classifies the errors of failed queries, alike for SQLite and MariaDB. Called by stores, to turn
// a violated constraint into a Fault, and by the retries of transaction.ts.

/** A row with the same primary key or unique index value exists already. */
export function isUniqueViolation(error: unknown): boolean {
  // SQLITE_CONSTRAINT_PRIMARYKEY, _UNIQUE; ER_DUP_ENTRY
  return has(error, { sqlite: [1555, 2067], mysql: [1062] });
}

/** The referenced row does not exist, or a row to be deleted is still referenced. */
export function isForeignKeyViolation(error: unknown): boolean {
  // ER_ROW_IS_REFERENCED_2, ER_NO_REFERENCED_ROW_2
  return has(error, { sqlite: [787], mysql: [1451, 1452] });
}

/** Another writer was in the way: the same transaction may succeed when it is retried. */
export function isTransient(error: unknown): boolean {
  // SQLite: BUSY, LOCKED, BUSY_RECOVERY, BUSY_SNAPSHOT. MariaDB: CHECKREAD (row changed since the
  // snapshot), lock wait timeout, deadlock. Galera reports a write conflict between nodes as a
  // deadlock, also at commit.
  return has(error, { sqlite: [5, 6, 261, 517], mysql: [1020, 1205, 1213] });
}

/**
 * A transient error that the server reports at once instead of after a wait, so many retries are
 * cheap. On Galera, writers of one row on different nodes conflict at every commit.
 */
export function isConflict(error: unknown): boolean {
  return has(error, { sqlite: [], mysql: [1020, 1213] }); // error names: see isTransient
}

/**
 * The database server is unreachable or not serving: it stops, starts, has lost its cluster, or has
 * too many connections. A commit that was interrupted may or may not have happened.
 */
export function isUnreachable(error: unknown): boolean {
  // CON_COUNT_ERROR, UNKNOWN_COM_ERROR (Galera: the node is not ready), SERVER_SHUTDOWN,
  // TOO_MANY_USER_CONNECTIONS, CONNECTION_KILLED
  if (has(error, { sqlite: [], mysql: [1040, 1047, 1053, 1203, 1927] })) return true;
  if (!(error instanceof Error)) return false;
  // mysql2 sets `fatal` when the connection is lost; an error reported by the server has a positive
  // number.
  const isLost = 'fatal' in error && error.fatal === true;
  return (isLost && !('errno' in error && Number(error.errno) > 0)) || error.message === queueFull;
}

const queueFull = 'Queue limit reached.'; // the text of mysql2's lib/base/pool.js

/** The error or a cause of it is transient (after all retries), or means an unreachable server. */
export function isUnavailable(error: unknown): boolean {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause)
    if (isTransient(cause) || isUnreachable(cause)) return true;
  return false;
}

/**
 * The disk is full: the database's, or that of a file being written. The write has not happened.
 */
export function isStorageFull(error: unknown): boolean {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if ('code' in cause && (cause.code === 'ENOSPC' || cause.code === 'EDQUOT')) return true;
    // FULL, IOERR_WRITE, IOERR_SHMSIZE; DISK_FULL, RECORD_FILE_FULL
    if (has(cause, { sqlite: [13, 778, 4874], mysql: [1021, 1114] })) return true;
  }
  return false;
}

/** The file is not a database, or damaged. SQLite only: a MariaDB server repairs its own files. */
export function isDamaged(error: unknown): boolean {
  return has(error, { sqlite: [11, 26], mysql: [] }); // CORRUPT, NOTADB
}

/** A query names a table that is not there: the database was never migrated. */
export function isMissingTable(error: unknown): boolean {
  // MariaDB: NO_SUCH_TABLE. SQLite has no code of its own for it, so its message is matched.
  return (
    has(error, { sqlite: [], mysql: [1146] }) ||
    (has(error, { sqlite: [1], mysql: [] }) && /no such table/.test((error as Error).message))
  );
}

function has(error: unknown, codes: { sqlite: number[]; mysql: number[] }): boolean {
  if (!(error instanceof Error)) return false;
  if ('errcode' in error) return codes.sqlite.includes(Number(error.errcode));
  return 'errno' in error && codes.mysql.includes(Number(error.errno));
}
