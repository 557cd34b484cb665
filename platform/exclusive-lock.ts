// A lock on a file, held by one process. The kernel releases it when the process dies, for whatever
// reason. Node has no flock(2); SQLite's lock on an empty database works the same way:
// https://www.sqlite.org/lockingv3.html
import { DatabaseSync } from 'node:sqlite';

export interface ExclusiveLock {
  release(): void;
}

/**
 * Keeps the lock's databases reachable: the garbage collector would close an unreachable one and so
 * release its lock.
 */
const openDatabases = new Set<DatabaseSync>();

/** Takes the lock; returns undefined if another process holds it. */
export function takeLock(file: string): ExclusiveLock | undefined {
  const database = new DatabaseSync(file, { timeout: 0 });
  try {
    // A journal in memory, so that no file needs to be written: the disk may be full.
    database.exec('PRAGMA journal_mode=memory; BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    // node:sqlite puts SQLite's result code into `errcode`.
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
