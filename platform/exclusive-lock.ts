// A lock of one process on a file, which the kernel releases when the process dies, for whatever
// reason. Node has no flock(2); SQLite's lock on an empty database works the same way:
// https://www.sqlite.org/lockingv3.html
import { DatabaseSync } from 'node:sqlite';

export interface ExclusiveLock {
  release(): void;
}

/**
 * Keeps databases reachable: the garbage collector would close an unreachable one and so release
 * its lock.
 */
const openDatabases = new Set<DatabaseSync>();

/** undefined: another process has it. */
export function takeLock(file: string): ExclusiveLock | undefined {
  const database = new DatabaseSync(file, { timeout: 0 });
  try {
    // no journal file: the disk may be full
    database.exec('PRAGMA journal_mode=memory; BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    // node:sqlite: SQLite's result code
    if ((error as { errcode?: number }).errcode === busy) return undefined;
    throw error;
  }
  openDatabases.add(database);
  return {
    release() {
      openDatabases.delete(database);
      database.close();
    },
  };
}

const busy = 5; // SQLITE_BUSY
