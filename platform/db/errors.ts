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
  // BUSY, LOCKED, BUSY_RECOVERY, BUSY_SNAPSHOT; lock wait, deadlock
  return has(error, { sqlite: [5, 6, 261, 517], mysql: [1205, 1213] });
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
