// What a failed query means, alike for SQLite and MariaDB. Called by stores to turn a broken rule into a Fault.

/** A primary key or unique index holds the value already. */
export function isUniqueViolation(error: unknown): boolean {
  return has(error, { sqlite: [1555, 2067], mysql: [1062] }); // SQLITE_CONSTRAINT_PRIMARYKEY, _UNIQUE; ER_DUP_ENTRY
}

/** The row that is referred to does not exist, or the row is still referred to. */
export function isForeignKeyViolation(error: unknown): boolean {
  return has(error, { sqlite: [787], mysql: [1451, 1452] }); // ER_ROW_IS_REFERENCED_2, ER_NO_REFERENCED_ROW_2
}

/** Another writer was in the way; the same transaction may succeed when tried again. */
export function isTransient(error: unknown): boolean {
  return has(error, { sqlite: [5, 6, 261, 517], mysql: [1205, 1213] }); // BUSY, LOCKED, BUSY_RECOVERY, BUSY_SNAPSHOT; lock wait, deadlock
}

function has(error: unknown, codes: { sqlite: number[]; mysql: number[] }): boolean {
  if (!(error instanceof Error)) return false;
  if ('errcode' in error) return codes.sqlite.includes(Number(error.errcode));
  return 'errno' in error && codes.mysql.includes(Number(error.errno));
}
