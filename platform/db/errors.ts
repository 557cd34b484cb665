// What a failed query means, alike for SQLite and MariaDB. Called by stores to turn a broken rule
// into a Fault.

/** A primary key or unique index holds the value already. */
export function isUniqueViolation(error: unknown): boolean {
  // SQLITE_CONSTRAINT_PRIMARYKEY, _UNIQUE; ER_DUP_ENTRY
  return has(error, { sqlite: [1555, 2067], mysql: [1062] });
}

/** The row that is referred to does not exist, or the row is still referred to. */
export function isForeignKeyViolation(error: unknown): boolean {
  // ER_ROW_IS_REFERENCED_2, ER_NO_REFERENCED_ROW_2
  return has(error, { sqlite: [787], mysql: [1451, 1452] });
}

/** Another writer was in the way; the same transaction may succeed when tried again. */
export function isTransient(error: unknown): boolean {
  // BUSY, LOCKED, BUSY_RECOVERY, BUSY_SNAPSHOT; CHECKREAD (changed since the snapshot), lock wait,
  // deadlock. Galera calls it a deadlock, also at commit, when another node was faster.
  return has(error, { sqlite: [5, 6, 261, 517], mysql: [1020, 1205, 1213] });
}

/**
 * Transient, and told at once: after a short pause it may succeed, however often it has failed. On
 * Galera writers of one row on several nodes meet at every commit.
 */
export function isConflict(error: unknown): boolean {
  return has(error, { sqlite: [], mysql: [1020, 1213] }); // as above
}

/**
 * The database server is not there, or does not serve now: it stops, starts, has lost its cluster,
 * or too many wait for it. Whether a commit that was cut off has happened is open.
 */
export function isUnreachable(error: unknown): boolean {
  // CON_COUNT_ERROR, UNKNOWN_COM_ERROR (Galera: the node is not ready), SERVER_SHUTDOWN,
  // TOO_MANY_USER_CONNECTIONS, CONNECTION_KILLED
  if (has(error, { sqlite: [], mysql: [1040, 1047, 1053, 1203, 1927] })) return true;
  if (!(error instanceof Error)) return false;
  // mysql2: `fatal` where the connection is lost; a refusal of the server has a positive number
  const isLost = 'fatal' in error && error.fatal === true;
  return (isLost && !('errno' in error && Number(error.errno) > 0)) || error.message === queueFull;
}

const queueFull = 'Queue limit reached.'; // mysql2, pool.js

/** `isTransient`, after all attempts, or `isUnreachable`, by its own or as a cause. */
export function isUnavailable(error: unknown): boolean {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause)
    if (isTransient(cause) || isUnreachable(cause)) return true;
  return false;
}

/**
 * The disk is full, of the database or of whatever a file is written to. The write has not
 * happened.
 */
export function isStorageFull(error: unknown): boolean {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if ('code' in cause && (cause.code === 'ENOSPC' || cause.code === 'EDQUOT')) return true;
    // FULL, IOERR_WRITE, IOERR_SHMSIZE; DISK_FULL, RECORD_FILE_FULL
    if (has(cause, { sqlite: [13, 778, 4874], mysql: [1021, 1114] })) return true;
  }
  return false;
}

/** The file is no database, or a damaged one. SQLite only: a MariaDB server mends its own files. */
export function isDamaged(error: unknown): boolean {
  return has(error, { sqlite: [11, 26], mysql: [] }); // CORRUPT, NOTADB
}

/** A query names a table that is not there: the database was never migrated. */
export function isMissingTable(error: unknown): boolean {
  // NO_SUCH_TABLE; SQLite has no code of its own for it
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
